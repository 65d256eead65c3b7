// Reads the feeds of each world with feedsmith and its calendar with ical.js, and prints what they find as a line of JSON.

import { readFileSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [tools, folder] = process.argv.slice(2);
const load = (name) => createRequire(join(tools, name, 'package.json'))(name);
const { parseFeed } = load('feedsmith');
const calendars = load('ical.js');
const ICAL = calendars.default ?? calendars;

const time = (text) => text && new Date(text).toISOString().replace('.000Z', 'Z');

const read = (path) => {
  const { format, feed } = parseFeed(readFileSync(path, 'utf8'));
  const row = {
    atom: (entry) => [entry.id, entry.title?.value, entry.content?.value, time(entry.published)],
    rss: (item) => [item.guid?.value, item.title, item.description, time(item.pubDate)],
    json: (item) => [item.id, item.title, item.content_html, time(item.date_published)],
  }[format];
  return { format, entries: (feed.entries ?? feed.items ?? []).map(row) };
};

const events = (path) => {
  const calendar = new ICAL.Component(ICAL.parse(readFileSync(path, 'utf8')));
  const found = calendar.getAllSubcomponents('vevent').map((component) => {
    const event = new ICAL.Event(component);
    const status = component.getFirstPropertyValue('status');
    const [start, end] = [event.startDate.toUnixTime(), event.endDate.toUnixTime()];
    return { uid: event.uid, start, end, sequence: event.sequence, status, title: event.summary };
  });
  return found.sort((one, other) => one.start - other.start || (one.uid < other.uid ? -1 : 1));
};

for (const name of readdirSync(folder).sort()) {
  const world = join(folder, name);
  if (!statSync(world).isDirectory()) continue;
  const found = { events: events(join(world, 'maintenance.ics')) };
  for (const [key, file] of [['atom', 'feed.atom'], ['rss', 'feed.rss'], ['json', 'feed.json']]) {
    found[key] = read(join(world, file));
  }
  console.log(JSON.stringify(found));
}
