"""Parses the badges of each world as XML, and prints their elements, attributes and titles as a line of JSON."""

import json
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

SVG = "{http://www.w3.org/2000/svg}"


def describe(path):
    root = ElementTree.fromstring(path.read_bytes())
    elements = [element.tag.removeprefix(SVG) for element in root.iter()]
    attributes = sorted({name for element in root.iter() for name in element.attrib})
    return {"elements": elements, "attributes": attributes, "title": root.findtext(f"{SVG}title")}


for world in sorted(path for path in Path(sys.argv[1]).iterdir() if path.is_dir()):
    print(json.dumps([describe(path) for path in sorted(world.glob("badge-*.svg"))]))
