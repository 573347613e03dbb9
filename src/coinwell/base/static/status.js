// Keeps a recharge's status page current without a reload. The page works the same without it.
const live = document.getElementById("live");
const waits = [2, 3, 5, 10, 30, 60]; // Seconds between looks; the last one repeats.
const policy = globalThis.trustedTypes?.createPolicy("coinwell", { createHTML: (html) => html });
let look = 0;

async function refresh() {
  if (document.hidden) {
    return again();
  }
  try {
    const answer = await fetch(`${location.pathname}/live`, { headers: { accept: "text/html" } });
    if (!answer.ok) {
      return again();
    }
    const html = await answer.text();
    // Our own server's fragment, escaped by the template engine; nothing else passes the policy.
    const parsed = new DOMParser().parseFromString(policy ? policy.createHTML(html) : html, "text/html");
    const focused = document.activeElement?.textContent?.trim();
    live.replaceChildren(...parsed.body.childNodes);
    if (focused) {
      const same = [...live.querySelectorAll("a, button")].find((one) => one.textContent.trim() === focused);
      same?.focus();
    }
    if (answer.headers.get("x-final") === "yes") {
      return;
    }
  } catch {
    // The network is away; the next look will tell.
  }
  again();
}

function again() {
  setTimeout(refresh, waits[Math.min(look, waits.length - 1)] * 1000);
  look += 1;
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) {
    look = 0;
  }
});
again();
