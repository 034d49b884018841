// Who is at the screen. Without accounts (one person on their own machine) that is the built-in account, and nobody logs in.
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import * as auth from '@/api/auth'
import { proof } from '@/api/client'
import { asFailure } from '@/api/failure'
import type { PublicConfig, Role, User } from '@/api/types'

const RANKS: Role[] = ['user', 'moderator', 'admin', 'superuser']
const LOCAL_PLAN = 'local'

export const useSession = defineStore('session', () => {
  const user = ref<User | null>(null)
  /** `null` until the server has answered. */
  const known = ref(false)
  const unreachable = ref(false)
  const config = ref<Partial<PublicConfig>>({})

  const isLocal = computed(() => user.value?.plan === LOCAL_PLAN)
  const hasRole = (role: Role): boolean => RANKS.indexOf(user.value?.role ?? 'user') >= RANKS.indexOf(role)
  const isModerator = computed(() => user.value !== null && hasRole('moderator'))
  const isAdmin = computed(() => user.value !== null && hasRole('admin'))

  let loading: Promise<void> | null = null
  /** Asks the server who we are, once. */
  function load(): Promise<void> {
    if (known.value) return Promise.resolve()
    loading ??= refresh().finally(() => (loading = null))
    return loading
  }

  /** Where people log in, somebody without a session is nobody: asked about them, the server would refuse, and browsers log that as an error. */
  async function whoIsHere(asked: Promise<PublicConfig>): Promise<User | null> {
    const nobody = !proof() && (await asked.then(({ accounts }) => accounts, () => false))
    return nobody ? null : auth.me()
  }

  async function refresh(): Promise<void> {
    const asked = auth.publicConfig()
    const [who, what] = await Promise.allSettled([whoIsHere(asked), asked])
    if (what.status === 'fulfilled') config.value = what.value
    // Whoever cannot be told of is not nobody: only the server's word for it counts.
    unreachable.value = who.status === 'rejected' && !asFailure(who.reason).isUnauthenticated
    user.value = who.status === 'fulfilled' ? who.value : null
    known.value = !unreachable.value
  }

  async function login(email: string, password: string): Promise<void> {
    user.value = (await auth.login(email, password)).user
    known.value = true
  }

  /** The server does not know us any more. Whether there was somebody. */
  function end(): boolean {
    const was = user.value !== null
    user.value = null
    return was
  }

  async function logout(): Promise<void> {
    await auth.logout()
    user.value = null
  }

  return { user, known, unreachable, config, isLocal, isModerator, isAdmin, hasRole, load, refresh, login, logout, end }
})
