// The behavior of the Subscribe menu, which the page builds, and notifications of outages. The page loads this file when
// the menu is first opened, or if the visitor has turned on notifications on an earlier visit.

const root = document.documentElement;
// The key of the visitor's choice, the lock of the tab that notifies, and the prefix of tags. One origin can have several
// pages.
const name = `checkup notifications ${location.pathname}`;
const find = selector => document.querySelector(`#subscribe${selector}`);

// If several tabs are open, only the first one shows notifications. Browsers do not suspend a tab that holds a lock.
let isFirstTab = false;
let isWaiting = false;

function becomeFirstTab() {
  if (isWaiting) return;
  isWaiting = true;
  navigator.locks.request(name, () => {
    isFirstTab = true;
    return new Promise(() => {});
  });
}

// Shows the choice in the menu, if the page has built it.
function show() {
  const choice = root.dataset.notify;
  const box = find(' input');
  if (!box) return;
  box.checked = choice === 'on';
  const status = find(' [role=status]');
  status.textContent = choice === 'blocked' ? status.dataset.text : '';
  for (const link of document.querySelectorAll('#subscribe [data-webcal]')) {
    link.href = link.href.replace(/^https?:/, 'webcal:');
  }
  for (const button of document.querySelectorAll('#subscribe button')) button.hidden = !navigator.clipboard;
}

// Applies the permission. If the visitor dismissed the browser's prompt, notifications stay off.
function apply(permission) {
  root.dataset.notify = { granted: 'on', denied: 'blocked' }[permission] ?? 'off';
  if (permission === 'granted') becomeFirstTab();
  show();
}

function keep() {
  if (root.dataset.notify === 'on') localStorage.setItem(name, 'on');
  else localStorage.removeItem(name);
}

// Called by the page when outages began or ended.
window.showOutage = async (title, body, tag) => {
  if (!isFirstTab || root.dataset.notify !== 'on') return;
  const registration = await navigator.serviceWorker.ready;
  // If the visitor has revoked the permission, ignore the error.
  await registration.showNotification(title, { body, tag: `${name} ${tag}`, renotify: true }).catch(() => {});
};

function close() {
  find('').open = false;
}

addEventListener('toggle', ({ target }) => target === find('') && show(), true);

addEventListener('change', async ({ target }) => {
  if (target !== find(' input')) return;
  apply(target.checked ? await Notification.requestPermission() : 'off');
  keep();
});

addEventListener('click', async ({ target }) => {
  const button = target.closest?.('#subscribe button');
  if (!button) return;
  await navigator.clipboard.writeText(button.previousSibling.href);
  button.firstChild.textContent = button.dataset.copied;
});

// The menu covers the page, so it closes when the visitor continues there.
for (const event of ['click', 'focusin']) {
  addEventListener(event, ({ target }) => find('[open]')?.contains(target) === false && close());
}

addEventListener('keydown', ({ key, target }) => {
  if (key !== 'Escape' || !find('[open]')?.contains(target)) return;
  close();
  find(' summary').focus();
});

show();
try {
  if (localStorage.getItem(name)) apply(Notification.permission);
} catch {
  // Without storage, no choice can have been saved.
}
