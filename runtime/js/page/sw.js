/** The page stays here after its first load, so that later ones need no network; a new build replaces it. */

const OF = `coursewright ${self.registration.scope} `;
const CACHE = `${OF}%VERSION%`;

self.addEventListener("install", (event) => {
  const page = new Request("./", { cache: "reload" });
  event.waitUntil(caches.open(CACHE).then((cache) => cache.add(page)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = async () => (await caches.keys()).filter((name) => name.startsWith(OF) && name !== CACHE);
  event.waitUntil(old().then((names) => Promise.all(names.map((name) => caches.delete(name)))).then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  if (event.request.mode !== "navigate") return;
  event.respondWith(caches.open(CACHE).then((cache) => cache.match("./")).then((page) => page ?? fetch(event.request)));
});
