"""Prints the headers and the text of a mail as JSON: read_mail.py FILE"""

import email
import email.policy
import json
import sys

with open(sys.argv[1], "rb") as file:
    mail = email.message_from_binary_file(file, policy=email.policy.default)
print(
    json.dumps(
        {
            "headers": {name.lower(): str(value) for name, value in mail.items()},
            "defects": [type(defect).__name__ for part in mail.walk() for defect in part.defects],
            "plain": mail.get_body(("plain",)).get_content(),
            "html": mail.get_body(("html",)).get_content(),
        }
    )
)
