"""A mail server that answers as scripted and writes each mail to a file.

    mail_server.py OPTIONS

OPTIONS is JSON: `folder`, the folder for mail; `certificate` and `key`, files; `tls`, whether connections are encrypted
from the start; `login`, a list of user name and password; `replies`, the reply to a recipient or, by the key `DATA`, to
the mail. Prints its port.
"""

import asyncio
import json
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

options = json.loads(sys.argv[1])
folder = pathlib.Path(options["folder"])
replies = options.get("replies", {})


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address in replies:
            return replies[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if "DATA" in replies:
            return replies["DATA"]
        number = len(list(folder.glob("*.json")))
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "encrypted": session.ssl is not None or options.get("tls", False),
            "authenticated": bool(session.authenticated),
        }
        (folder / f"{number}.eml").write_bytes(envelope.original_content)
        (folder / f"{number}.json").write_text(json.dumps(mail))
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    given = [data.login.decode(), data.password.decode()]
    return AuthResult(success=given == options["login"], handled=False)


def protocol():
    has_starttls = context is not None and not options.get("tls")
    return SMTP(
        Handler(),
        hostname="mail.example.com",
        tls_context=context if has_starttls else None,
        authenticator=authenticate if "login" in options else None,
        auth_required="login" in options,
        auth_require_tls=has_starttls,
    )


context = None
if "certificate" in options:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(options["certificate"], options["key"])


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=context if options.get("tls") else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
