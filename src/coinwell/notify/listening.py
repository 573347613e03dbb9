"""A receiver on one's own machine: checks each webhook as an app should, and prints it."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Final

from standardwebhooks import Webhook, WebhookVerificationError

_BODY_BYTES_MAX: Final = 1024 * 1024
_TIMEOUT_S: Final = 15


def listener(port: int, secret: str, say: Callable[[str], None]) -> HTTPServer:
    """A server on loopback that answers 204 to what is really ours, and 401 to all else.

    It tells each webhook in a line, and marks one that came before by its id.
    """
    seen: set[str] = set()
    webhook = Webhook(secret)

    class Handler(BaseHTTPRequestHandler):
        timeout = _TIMEOUT_S

        def do_POST(self) -> None:
            length = self.headers.get("content-length", "")
            if not length.isdecimal() or int(length) > _BODY_BYTES_MAX:
                self._answer(411)
                return
            body = self.rfile.read(int(length))
            try:
                webhook.verify(body, dict(self.headers.items()), json_parse=False)
            except (WebhookVerificationError, ValueError) as error:
                say(f"refused: {error}")
                self._answer(401)
                return
            self._tell(body)
            self._answer(204)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - likewise.
            """What is to be said is said above."""

        def _tell(self, body: bytes) -> None:
            webhook_id = self.headers["webhook-id"]
            again = " (again)" if webhook_id in seen else ""
            seen.add(webhook_id)
            said = json.loads(body)
            data = json.dumps(said["data"], sort_keys=True)
            say(f"{said['timestamp']} {said['type']:<20} {webhook_id}{again} {data}")

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

    return HTTPServer(("127.0.0.1", port), Handler)
