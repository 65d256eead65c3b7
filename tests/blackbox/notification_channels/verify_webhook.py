"""Verifies the signature of a webhook request: verify_webhook.py KEY HEADERS BODY"""

import json
import sys

from standardwebhooks.webhooks import Webhook

key, headers, body = sys.argv[1:]
print(json.dumps(Webhook(key).verify(body, json.loads(headers))))
