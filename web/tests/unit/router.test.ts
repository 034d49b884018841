// Who gets where: what is not for somebody is not there for them.
import { beforeEach, expect, it } from 'vitest'
import { router } from '@/router'
import { useSession } from '@/stores/session'
import { until } from './mount'
import { user } from './samples'
import { server } from './server'

const at = async (path: string): Promise<string> => {
  await router.push(path)
  return String(router.currentRoute.value.name)
}

beforeEach(async () => {
  const session = useSession()
  session.known = true
  await router.push('/pricing')
})

it('people without an account are asked to log in, and come back', async () => {
  expect(await at('/gallery?x=1')).toBe('login')
  expect(router.currentRoute.value.query['next']).toBe('/gallery?x=1')
})

it('a mode is chosen by its address', async () => {
  useSession().user = user()
  expect(await at('/generate/image-to-image')).toBe('generate')
  expect(router.currentRoute.value.query['mode']).toBe('image-to-image')
})

it('moderators see what was reported, and nothing else of everybody', async () => {
  useSession().user = user({ role: 'moderator' })
  expect(await at('/admin')).toBe('admin-moderation')
  expect(await at('/admin/users')).toBe('missing')
})

it('administrators see all of it, others nothing', async () => {
  const session = useSession()
  session.user = user({ role: 'admin' })
  expect(await at('/admin')).toBe('admin')
  session.user = user()
  expect(await at('/admin/jobs')).toBe('missing')
})

it('a fresh server is set up first', async () => {
  useSession().config = { needs_setup: true }
  expect(await at('/explore')).toBe('setup')
})

it('the first page is fetched while the server is asked who is here', async () => {
  const session = useSession()
  session.known = false
  const waiting: ((found: unknown) => void)[] = []
  server({ 'GET /api/v1/config/public': () => new Promise((resolve) => waiting.push(resolve)) })
  let fetched = 0
  const record = router.getRoutes().find(({ name }) => name === 'verify')
  if (record?.components) {
    record.components['default'] = () => {
      fetched += 1
      return Promise.resolve({ template: '<i />' })
    }
  }
  const there = router.push('/verify-email')
  await until(() => expect([fetched, waiting.length]).toEqual([1, 1]))
  expect(router.currentRoute.value.name).toBe('pricing')
  waiting[0]?.({ accounts: true })
  await there
  expect([router.currentRoute.value.name, session.known, session.user]).toEqual(['verify', true, null])
})
