// Getting an account, and getting in.
import { call } from './client'
import { early } from './early'
import type { Accepted } from './legal'
import type { PublicConfig, SignInProvider, User } from './types'

export const me = (): Promise<User> => call('/users/me')

export const login = (email: string, password: string): Promise<{ user: User }> =>
  call('/auth/login', { method: 'POST', body: { email, password, transport: 'cookie' } })

export const logout = (): Promise<void> => call('/auth/logout', { method: 'POST' })

export interface Registration {
  email: string
  password: string
  username?: string
  full_name?: string
  locale?: string
  /** Every paper that the operator has, in its version of now. */
  accept?: Accepted[]
}

export const register = (body: Registration): Promise<User> => call('/auth/register', { method: 'POST', body })

export const verify = (token: string): Promise<void> => call('/auth/verify-email', { method: 'POST', body: { token } })

export const resend = (): Promise<void> => call('/auth/verify-email/resend', { method: 'POST' })

export const requestReset = (email: string): Promise<void> => call('/auth/reset-password', { method: 'POST', body: { email } })

export const confirmReset = (token: string, password: string): Promise<void> =>
  call('/auth/reset-password/confirm', { method: 'POST', body: { token, password } })

/** What the server offers, for everybody to see. */
export const publicConfig = async (): Promise<PublicConfig> => (await early()) ?? call<PublicConfig>('/config/public')

/** Other services that people may log in with; their `start` is an address of ours. */
export const signInProviders = (): Promise<SignInProvider[]> => call('/auth/oidc')

/** The first administrator of a fresh server; the token stands in the link that the server shows when it starts. */
export const setup = (body: { email: string; password: string; username?: string; locale?: string; token: string }): Promise<User> =>
  call('/setup', { method: 'POST', body })
