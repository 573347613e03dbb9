// A live room as it happens: the stream of gifts, and the panel that sends them. The page works
// the same without it. Nothing here says that a gift was sent before the server has said so.
const room = document.getElementById("room");
const id = room.dataset.room;
const by = (name) => document.getElementById(name);
const wide = matchMedia("(min-width: 960px)");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const ART = /^[a-z0-9-]+\.svg$/;
const TONES = 6;

const coins = (n) => `${n.toLocaleString("en")} ${Math.abs(n) === 1 ? "coin" : "coins"}`;
const counted = (count, name) => (count === 1 ? name : `${count} × ${name}`);
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

function element(tag, kind, ...inside) {
  const made = document.createElement(tag);
  if (kind) {
    made.className = kind;
  }
  made.append(...inside);
  return made;
}

function picture(art, size) {
  const made = document.createElement("img");
  made.src = `/static/gifts/${ART.test(art) ? art : "heart.svg"}`;
  made.alt = "";
  made.width = made.height = size;
  return made;
}

function face(userId, name, size) {
  // The same colour as the server gives: the id as a number, modulo the tones.
  const tone = Number(BigInt(`0x${userId.replaceAll("-", "")}`) % BigInt(TONES));
  const made = element("span", `face tone-${tone} ${size}`, [...name][0]?.toUpperCase() ?? "");
  made.setAttribute("aria-hidden", "true");
  return made;
}

// ---------------------------------------------------------------- what everyone sees

let last = Number(room.dataset.number);
const NEWS_MAX = 30;
const heard = { gifts: 0, coins: 0, largest: null };
const queue = [];
let showing = 0;

function showTotals(totals) {
  by("room-coins").textContent = coins(totals.coins);
  by("room-gifts").textContent = totals.gifts.toLocaleString("en");
  if (by("own-coins")) {
    by("own-coins").textContent = coins(totals.coins);
  }
}

function showBoard(lines) {
  by("board-none").hidden = lines.length > 0;
  by("podium").replaceChildren(...lines.slice(0, 3).map((one) => face(one.user_id, one.name, "small")));
  by("board").replaceChildren(
    ...lines.map((one) =>
      element(
        "li",
        "",
        element("span", "rank", String(one.rank)),
        face(one.user_id, one.name, "small"),
        element("span", "grow", one.name),
        element("span", "coins", coins(one.coins)),
      ),
    ),
  );
}

// The same gift of the same sender in a row is one line that counts up.
function merged(events) {
  const lines = [];
  for (const one of events) {
    const before = lines.at(-1);
    if (before && before.sender.id === one.sender.id && before.gift.id === one.gift.id) {
      before.count += one.count;
      before.coins += one.coins;
    } else {
      lines.push({ ...one });
    }
  }
  return lines;
}

function showEvents(events) {
  const fresh = events.filter((one) => one.number > last);
  if (fresh.length === 0) {
    return;
  }
  last = fresh.at(-1).number;
  by("news-none").hidden = true;
  const news = by("news");
  for (const one of merged(fresh)) {
    const top = news.firstElementChild;
    const same = `${one.sender.id} ${one.gift.id}`;
    const sum = { count: one.count, coins: one.coins };
    if (top && top.dataset.same === same) {
      sum.count += Number(top.dataset.count);
      sum.coins += Number(top.dataset.coins);
      top.remove();
    }
    const words = element("span", "grow", element("strong", "", one.sender.name), ` sent ${counted(sum.count, one.gift.name)}`);
    const line = element("li", "", picture(one.gift.art, 32), words, element("span", "coins", coins(sum.coins)));
    Object.assign(line.dataset, { same, ...sum });
    news.prepend(line);
    queue.push(one);
    hear(one);
  }
  while (news.childElementCount > NEWS_MAX) {
    news.lastElementChild.remove();
  }
  // A crowd is shown by its largest gifts; the list below has all of them.
  if (queue.length > 12) {
    queue.sort((a, b) => b.coins - a.coins).splice(6);
  }
  showNext();
}

async function showNext() {
  if (showing >= (wide.matches ? 3 : 1) || queue.length === 0 || document.hidden) {
    return;
  }
  const one = queue.shift();
  showing += 1;
  const grand = one.coins >= 1000 && showing === 1;
  const words = element("span", "", element("strong", "", one.sender.name), element("small", "", `${counted(one.count, one.gift.name)} · ${coins(one.coins)}`));
  const card = element("div", grand ? "burst-card grand" : "burst-card", picture(one.gift.art, grand ? 132 : 52), words);
  if (!grand) {
    const taken = new Set([...by("burst").children].map((other) => other.dataset.place));
    card.dataset.place = ["0", "1", "2"].find((place) => !taken.has(place)) ?? "0";
  }
  by("burst").append(card);
  const hurry = queue.length > 3;
  await (calm.matches ? wait(hurry ? 1200 : 2500) : fly(card, grand, hurry));
  card.remove();
  showing -= 1;
  showNext();
}

function fly(card, grand, hurry) {
  const art = card.querySelector("img");
  if (grand) {
    art.animate(
      [{ scale: 0.3, rotate: "-14deg" }, { scale: 1.12, rotate: "4deg", offset: 0.5 }, { scale: 1, rotate: "0deg" }],
      { duration: 900, easing: "cubic-bezier(.2,.9,.3,1.2)" },
    );
    art.animate([{ translate: "0 0" }, { translate: "0 -8px" }, { translate: "0 0" }], { duration: 2400, iterations: 2, easing: "ease-in-out", delay: 900 });
    return card.animate([{ opacity: 0 }, { opacity: 1, offset: 0.08 }, { opacity: 1, offset: 0.9 }, { opacity: 0 }], 4200).finished.catch(() => {});
  }
  art.animate([{ scale: 0.4, rotate: "-20deg" }, { scale: 1.25, rotate: "8deg" }, { scale: 1, rotate: "0deg" }], { duration: 620, easing: "ease-out" });
  return card
    .animate(
      [
        { translate: "-40px 0", opacity: 0 },
        { translate: "0 0", opacity: 1, offset: 0.12 },
        { translate: "0 0", opacity: 1, offset: 0.82 },
        { translate: "0 -46px", opacity: 0 },
      ],
      { duration: hurry ? 1300 : 2600, easing: "ease-out" },
    )
    .finished.catch(() => {});
}

// Whoever listens instead of looking gets one sentence every few seconds, however many gifts.
function hear(one) {
  heard.gifts += one.count;
  heard.coins += one.coins;
  if (!heard.largest || one.coins > heard.largest.coins) {
    heard.largest = one;
  }
}

setInterval(() => {
  if (!heard.largest) {
    return;
  }
  const { sender, count, gift } = heard.largest;
  const most = `${sender.name} sent ${counted(count, gift.name)}`;
  const more = heard.gifts > count;
  by("aloud").textContent = more ? `${heard.gifts} gifts, ${coins(heard.coins)}. ${most}.` : `${most}, ${coins(heard.coins)}.`;
  Object.assign(heard, { gifts: 0, coins: 0, largest: null });
}, 4000);

// ---------------------------------------------------------------- the stream

const BACK_OFF = [500, 1000, 2000, 5000, 10000, 30000];
// Not signed in, not permitted, no such room, a number that makes no sense.
const GONE = [4400, 4401, 4403, 4404];
let failed = 0;
let over = false;

function say(text) {
  by("news-state").textContent = text;
  by("news-state").hidden = text === "";
}

function take(said) {
  if (said.board) {
    showBoard(said.board);
  }
  if (said.room) {
    showTotals(said.room);
  }
  if (said.events) {
    showEvents(said.events);
  }
  if (said.type === "closed" || said.room?.state === "closed") {
    over = true;
    location.reload();
  }
}

function connect() {
  const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/v1/rooms/${id}/stream?after=${last}`);
  socket.onmessage = (message) => {
    failed = 0;
    say("");
    take(JSON.parse(message.data));
  };
  socket.onclose = (closed) => {
    if (over) {
      return;
    }
    if (GONE.includes(closed.code)) {
      say("This page is out of date. Refresh it to go on.");
      return;
    }
    again();
  };
}

async function again() {
  failed += 1;
  if (failed > 1) {
    say("The connection is away. What is shown may be a little late.");
  }
  await wait(BACK_OFF[Math.min(failed, BACK_OFF.length) - 1] * (0.7 + Math.random() * 0.6));
  while (document.hidden) {
    await new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));
  }
  if (failed > 2) {
    // Where no socket gets through, the same events come over plain HTTP.
    await look();
  }
  if (!over) {
    connect();
  }
}

async function look() {
  try {
    const answer = await fetch(`/v1/rooms/${id}/events?after=${last}&limit=200`);
    if (answer.ok) {
      take(await answer.json());
    }
  } catch {
    // Away; the next look will tell.
  }
}

document.addEventListener("visibilitychange", showNext);
if (room.dataset.open === "yes") {
  connect();
}

// ---------------------------------------------------------------- the panel

const form = by("gifts");

function uuid7() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const at = Date.now();
  for (let i = 0; i < 6; i += 1) {
    bytes[i] = Math.floor(at / 2 ** (8 * (5 - i))) % 256;
  }
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function panel() {
  const sheet = by("sheet");
  const tiles = [...form.querySelectorAll(".tile")];
  const prices = new Map();
  const own = { coins: Number(by("purse-coins").dataset.own), pending: 0, moved: 0 };
  const run = { gifts: 0, coins: 0, name: "", at: 0 };
  let count = Number(form.elements.count.value);
  let latest = tiles[0];

  function tell(text, bad = false) {
    by("panel-say").textContent = text;
    by("panel-say").classList.toggle("bad", bad);
  }

  // --- figures

  function showAfter() {
    const after = own.coins - Number(latest.dataset.total);
    by("after-what").textContent = counted(count, latest.dataset.name);
    by("purse-after").textContent = after < 0 ? "not enough" : coins(after);
  }

  function showOwn(purse) {
    // Answers may overtake each other; the one that saw most happen counts.
    if (purse.moved < own.moved) {
      return;
    }
    own.moved = purse.moved;
    own.coins = purse.coins;
    by("purse-coins").textContent = coins(purse.coins);
    by("purse-spent").textContent = coins(purse.spent);
    if (by("purse-limit") && purse.limit_left !== null) {
      by("purse-limit").textContent = coins(purse.limit_left);
    }
    showTiles();
  }

  function showTiles() {
    for (const tile of tiles) {
      const after = own.coins - Number(tile.dataset.total);
      tile.classList.toggle("dear", after < 0);
      tile.querySelector(".tile-leaves").textContent = after < 0 ? "more than you have" : `leaves ${coins(after)}`;
    }
    showAfter();
  }

  for (const tile of tiles) {
    for (const kind of ["pointerenter", "focus", "pointerdown"]) {
      tile.addEventListener(kind, () => {
        latest = tile;
        showAfter();
      });
    }
    // A key that is held down repeats; a gift does not.
    tile.addEventListener("keydown", (event) => {
      if (event.repeat && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault();
      }
    });
  }

  // --- how many at once: priced by the server before a tap can send it

  async function choose(wanted) {
    count = wanted;
    for (const link of document.querySelectorAll(".count")) {
      if (Number(link.dataset.count) === wanted) {
        link.setAttribute("aria-current", "true");
      } else {
        link.removeAttribute("aria-current");
      }
    }
    if (!prices.has(wanted)) {
      form.inert = true;
      try {
        const answer = await fetch(`/live/${id}/prices?count=${wanted}`);
        if (!answer.ok) {
          throw new Error("no prices");
        }
        prices.set(wanted, await answer.json());
      } catch {
        form.inert = false;
        location.assign(`/live/${id}?count=${wanted}`);
        return;
      }
    }
    if (count !== wanted) {
      return;
    }
    form.inert = false;
    form.elements.count.value = String(wanted);
    for (const tile of tiles) {
      const price = prices.get(wanted)[tile.dataset.gift];
      if (price) {
        tile.dataset.total = String(price.coins);
        tile.value = `${tile.dataset.gift}:${price.coins}`;
        tile.querySelector(".tile-coins").textContent = coins(price.coins);
        tile.querySelector(".tile-coins").dataset.coins = String(price.coins);
        tile.querySelector(".tile-money").textContent = price.money;
      } else {
        tile.disabled = true;
      }
    }
    showTiles();
  }

  document.querySelector(".counts").addEventListener("click", (event) => {
    const link = event.target.closest("a.count");
    if (link && !event.metaKey && !event.ctrlKey) {
      event.preventDefault();
      by("count").value = "";
      by("count-error").hidden = true;
      choose(Number(link.dataset.count));
    }
  });

  const field = by("count");
  const read = () => (/^[0-9]{1,3}$/.test(field.value.trim()) && Number(field.value) > 0 ? Number(field.value) : null);
  function typed() {
    const wanted = read();
    by("count-error").hidden = wanted !== null || field.value.trim() === "";
    field.toggleAttribute("aria-invalid", false);
    if (wanted !== null) {
      choose(wanted);
    } else if (field.value.trim() !== "") {
      field.setAttribute("aria-invalid", "true");
    }
  }
  field.addEventListener("change", typed);
  field.form.addEventListener("submit", (event) => {
    event.preventDefault();
    typed();
  });

  // --- a tap is a gift: its own key, sent until somebody has answered

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const tile = event.submitter;
    if (tile) {
      latest = tile;
      send({ tile, gift: tile.value, name: tile.dataset.name, count, key: uuid7(), agreed: "" });
    }
  });

  async function send(wish) {
    if (sheet.open) {
      return;
    }
    own.pending += 1;
    report(wish);
    const answer = await ask(wish);
    own.pending -= 1;
    if (answer === null) {
      tell(`${counted(wish.count, wish.name)} could not be sent, and we do not know why. Look at your balance before you send it again.`, true);
      offerAgain(wish);
      return;
    }
    if (answer.purse) {
      showOwn(answer.purse);
    }
    if (answer.step === "sent") {
      wish.tile.classList.add("went");
      setTimeout(() => wish.tile.classList.remove("went"), 900);
      report(wish, answer.coins);
    } else {
      report(null);
      openSheet(answer.sheet, wish);
    }
  }

  // A quick run of taps is reported as one sum.
  function report(wish, sentCoins) {
    if (sentCoins !== undefined) {
      const anew = Date.now() - run.at > 4000;
      run.name = anew || run.name === wish.name ? wish.name : "";
      run.gifts = (anew ? 0 : run.gifts) + wish.count;
      run.coins = (anew ? 0 : run.coins) + sentCoins;
      run.at = Date.now();
    }
    if (own.pending > 0) {
      tell(own.pending === 1 && wish && sentCoins === undefined ? `Sending ${counted(wish.count, wish.name)} …` : `Sending ${own.pending} …`);
    } else if (sentCoins !== undefined) {
      tell(`Sent ${run.name ? counted(run.gifts, run.name) : `${run.gifts} gifts`} for ${coins(run.coins)}.`);
    } else {
      tell("");
    }
  }

  const RETRIES = [700, 1500, 3000, 6000];

  async function ask(wish) {
    const body = new URLSearchParams({ _csrf: form.elements._csrf.value, key: wish.key, gift: wish.gift, count: String(wish.count), agreed: wish.agreed });
    for (let attempt = 0; ; attempt += 1) {
      try {
        const answer = await fetch(form.action, { method: "POST", body, headers: { accept: "application/json" } });
        if (answer.headers.get("content-type")?.startsWith("application/json") && answer.status < 500) {
          return await answer.json();
        }
        if (answer.status < 500 && answer.status !== 429) {
          tell("This page is out of date. Refresh it to go on; nothing was sent.", true);
          return { step: "no", sheet: { title: "Open the page again", lines: ["This page was open for too long. Nothing was sent."], button: "Refresh", href: `/live/${id}` } };
        }
      } catch {
        // Away: the same key again, so it is one gift whatever happened to the first try.
      }
      if (attempt === RETRIES.length) {
        return null;
      }
      tell(`No answer yet. Trying ${counted(wish.count, wish.name)} again; it is sent once at most.`);
      await wait(RETRIES[attempt]);
    }
  }

  function offerAgain(wish) {
    const retry = element("button", "link-button", "Try the same gift again");
    retry.type = "button";
    retry.addEventListener("click", () => send(wish));
    by("panel-say").append(" ", retry);
  }

  // --- the sheet

  let waiting = null;

  function openSheet(said, wish) {
    if (sheet.open) {
      return;
    }
    waiting = { ...wish, gift: `${said.gift}:${said.coins}`, key: uuid7(), agreed: "yes" };
    by("sheet-title").textContent = said.title;
    by("sheet-lines").replaceChildren(...said.lines.map((line) => element("p", "", line)));
    const go = by("sheet-go");
    go.hidden = !said.href;
    go.classList.toggle("secondary", said.step === "no");
    go.textContent = said.button;
    // Only a way within this house.
    go.href = /^\/[a-z]/.test(said.href) ? said.href : "/me/balance";
    by("sheet-send").hidden = said.step !== "confirm";
    by("sheet-send").textContent = said.button;
    sheet.showModal();
    by("sheet-title").focus();
  }

  by("sheet-close").addEventListener("click", () => sheet.close());
  by("sheet-send").addEventListener("click", () => {
    const wish = waiting;
    waiting = null;
    sheet.close();
    if (wish) {
      send(wish);
    }
  });
  sheet.addEventListener("close", () => latest.focus());
  showTiles();
}

if (form) {
  panel();
}
