"""Reads the Atom and RSS feeds of each world with feedparser, and prints what it finds as a line of JSON."""

import json
import sys
import time
from pathlib import Path

import feedparser


def rfc3339(parsed):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", parsed) if parsed else None


def read(path):
    feed = feedparser.parse(path.read_bytes(), sanitize_html=False)
    return {
        "problem": str(feed.bozo_exception) if feed.bozo else None,
        "title": feed.feed.get("title"),
        "ids": [entry.get("id") for entry in feed.entries],
        "titles": [entry.get("title") for entry in feed.entries],
        "published": [rfc3339(entry.get("published_parsed")) for entry in feed.entries],
        "updated": [rfc3339(entry.get("updated_parsed")) for entry in feed.entries],
    }


for world in sorted(path for path in Path(sys.argv[1]).iterdir() if path.is_dir()):
    print(json.dumps({"atom": read(world / "feed.atom"), "rss": read(world / "feed.rss")}))
