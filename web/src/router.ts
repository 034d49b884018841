// Pages and who may see them. Each is fetched when it is first opened.
import { createRouter, createWebHistory, type RouteLocationNormalized, type RouteRecordRaw } from 'vue-router'
import type { Role } from '@/api/types'
import { i18n } from '@/i18n'
import { inTurn } from '@/lib/turns'
import { useSession } from '@/stores/session'

declare module 'vue-router' {
  interface RouteMeta {
    /** The key of its title. */
    title?: string
    /** Somebody must be here. */
    needs?: Role
    /** For people who are not logged in. */
    guests?: boolean
  }
}

export const routes: RouteRecordRaw[] = [
  { path: '/', name: 'landing', component: () => import('@/pages/Landing.vue'), meta: { title: 'title.landing' } },
  { path: '/generate', name: 'generate', component: () => import('@/pages/Generate.vue'), meta: { title: 'title.generate', needs: 'user' } },
  { path: '/generate/:mode(text-to-image|image-to-image)', redirect: (to) => ({ name: 'generate', query: { mode: to.params['mode'] as string } }) },
  { path: '/gallery', name: 'gallery', component: () => import('@/pages/Gallery.vue'), meta: { title: 'title.gallery', needs: 'user' } },
  { path: '/explore', name: 'explore', component: () => import('@/pages/Explore.vue'), meta: { title: 'title.explore' } },
  { path: '/explore/:id', name: 'public-image', component: () => import('@/pages/PublicImage.vue'), meta: { title: 'title.image' } },
  { path: '/shared/:token', name: 'shared', component: () => import('@/pages/PublicImage.vue'), meta: { title: 'title.image' } },
  { path: '/images/:id', name: 'image', component: () => import('@/pages/Image.vue'), meta: { title: 'title.image', needs: 'user' } },
  { path: '/pricing', name: 'pricing', component: () => import('@/pages/Pricing.vue'), meta: { title: 'title.pricing' } },
  { path: '/dashboard', name: 'dashboard', component: () => import('@/pages/Dashboard.vue'), meta: { title: 'title.dashboard', needs: 'user' } },
  { path: '/profile', name: 'profile', component: () => import('@/pages/Profile.vue'), meta: { title: 'title.profile', needs: 'user' } },
  { path: '/settings/providers', name: 'providers', component: () => import('@/pages/Providers.vue'), meta: { title: 'title.providers', needs: 'user' } },
  { path: '/setup', name: 'setup', component: () => import('@/pages/Setup.vue'), meta: { title: 'title.setup' } },
  { path: '/login', alias: '/auth/login', name: 'login', component: () => import('@/pages/auth/Login.vue'), meta: { title: 'title.login', guests: true } },
  { path: '/register', alias: '/auth/register', name: 'register', component: () => import('@/pages/auth/Register.vue'), meta: { title: 'title.register', guests: true } },
  { path: '/reset-password', name: 'reset', component: () => import('@/pages/auth/Reset.vue'), meta: { title: 'title.reset' } },
  { path: '/verify-email', name: 'verify', component: () => import('@/pages/auth/Verify.vue'), meta: { title: 'title.verify' } },
  { path: '/auth/callback', name: 'callback', component: () => import('@/pages/auth/Callback.vue'), meta: { title: 'title.login' } },
  {
    path: '/admin',
    component: () => import('@/pages/admin/Layout.vue'),
    meta: { needs: 'moderator', title: 'title.admin' },
    children: [
      { path: '', name: 'admin', component: () => import('@/pages/admin/Overview.vue'), meta: { needs: 'admin' } },
      { path: 'users', name: 'admin-users', component: () => import('@/pages/admin/Users.vue'), meta: { needs: 'admin' } },
      { path: 'moderation', name: 'admin-moderation', component: () => import('@/pages/admin/Moderation.vue') },
      { path: 'jobs', name: 'admin-jobs', component: () => import('@/pages/admin/Jobs.vue'), meta: { needs: 'admin' } },
      { path: 'purchases', name: 'admin-purchases', component: () => import('@/pages/admin/Purchases.vue'), meta: { needs: 'admin' } },
      { path: 'models', name: 'admin-models', component: () => import('@/pages/admin/Models.vue'), meta: { needs: 'admin' } },
      { path: 'providers', name: 'admin-providers', component: () => import('@/pages/admin/Providers.vue'), meta: { needs: 'admin' } },
      { path: 'audit', name: 'admin-audit', component: () => import('@/pages/admin/Audit.vue'), meta: { needs: 'admin' } },
      { path: 'config', name: 'admin-config', component: () => import('@/pages/admin/Config.vue'), meta: { needs: 'admin' } },
    ],
  },
  { path: '/:rest(.*)*', name: 'missing', component: () => import('@/pages/Missing.vue'), meta: { title: 'title.missing' } },
]

export const router = createRouter({
  history: createWebHistory(),
  routes,
  scrollBehavior: (to, _from, kept) => {
    const place = kept ?? (/^#[\w-]+$/.test(to.hash) ? { el: to.hash } : { top: 0 })
    // After the parts of the page that come later, which it may be among.
    return new Promise((resolve) => inTurn(() => resolve(place)))
  },
})

/** Fetches a page that has not been opened yet. One that fails is fetched again by the router, which says so. */
function fetchPage(to: RouteLocationNormalized): void {
  for (const { components } of to.matched) {
    const page: unknown = components?.['default']
    if (typeof page === 'function') void (page as () => Promise<unknown>)().catch(() => undefined)
  }
}

router.beforeEach(async (to) => {
  const session = useSession()
  // While the server is asked who is here, so that the first page does not wait for one after the other.
  if (!session.known) fetchPage(to)
  await session.load()
  if (session.config.needs_setup && to.name !== 'setup') return { name: 'setup' }
  // What there is for moderators.
  if (to.name === 'admin' && session.isModerator && !session.isAdmin) return { name: 'admin-moderation' }
  const { needs, guests } = to.meta
  if (guests && session.user && !session.isLocal) return { name: 'generate' }
  if (!needs) return true
  if (!session.user) return session.unreachable ? true : { name: 'login', query: { next: to.fullPath } }
  return session.hasRole(needs) ? true : { name: 'missing', params: { rest: to.path.slice(1).split('/') } }
})

router.afterEach((to, from) => {
  const title = to.meta.title ? i18n.global.t(to.meta.title) : ''
  document.title = title ? `${title} · Easel` : 'Easel'
  // For people who hear the page: where they are now.
  if (from.name && to.path !== from.path) document.getElementById('main')?.focus({ preventScroll: true })
})
