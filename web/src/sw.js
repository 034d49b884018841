// Keeps the application's own files, so that it opens without a connection. Answers of the API and pictures are never kept here.
const CACHE = 'easel-__VERSION__'
const SHELL = '__SHELL__'

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(SHELL)).then(() => self.skipWaiting()))
})

self.addEventListener('activate', (event) => {
  const others = caches.keys().then((names) => names.filter((name) => name.startsWith('easel-') && name !== CACHE))
  event.waitUntil(others.then((names) => Promise.all(names.map((name) => caches.delete(name)))).then(() => self.clients.claim()))
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== self.location.origin) return
  if (url.pathname.startsWith('/assets/')) {
    event.respondWith(fromCache(request))
  } else if (request.mode === 'navigate' && !/^\/(api|v1|docs|openapi\.json|health|metrics|files)(\/|$)/.test(url.pathname)) {
    event.respondWith(fetch(request).catch(() => caches.match('/')))
  } else if (SHELL.includes(url.pathname)) {
    // Without a hash in their name: the newest there is, else the one that is kept.
    event.respondWith(fetch(request).catch(() => caches.match(request)))
  }
})

/** Files with a hash in their name never change; the others are fetched. */
async function fromCache(request) {
  const kept = await caches.match(request)
  if (kept) return kept
  const answer = await fetch(request)
  if (answer.ok && /-[\w-]{8}\.\w+$/.test(new URL(request.url).pathname)) {
    const cache = await caches.open(CACHE)
    await cache.put(request, answer.clone())
  }
  return answer
}
