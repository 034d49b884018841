// Every page, as the checks of all pages visit them: with accounts, as an administrator. `guest` is nobody, `tab` a part that a click opens, `at`
// where an address leads.
export const PAGES = [
  ['landing', '/'],
  ['login', '/login', { guest: true }],
  ['register', '/register', { guest: true }],
  ['reset', '/reset-password', { guest: true }],
  ['reset-confirm', '/reset-password#token=em_x', { guest: true }],
  ['verify', '/verify-email#token=em_x'],
  ['callback', '/auth/callback?error=denied'],
  ['setup', '/setup'],
  ['generate', '/generate'],
  ['generate-from-picture', '/generate/image-to-image', { at: '/generate' }],
  ['gallery', '/gallery'],
  ['image', '/images/:picture'],
  ['explore', '/explore'],
  ['public-image', '/explore/:picture'],
  ['explore-guest', '/explore', { guest: true }],
  ['shared', '/shared/:token', { guest: true }],
  ['pricing', '/pricing'],
  ['dashboard', '/dashboard'],
  ['profile', '/profile'],
  ['profile-usage', '/profile', { tab: 'Usage' }],
  ['profile-security', '/profile', { tab: 'Security' }],
  ['profile-keys', '/profile', { tab: 'API keys' }],
  ['profile-privacy', '/profile', { tab: 'Privacy' }],
  ['providers', '/settings/providers'],
  ['admin', '/admin'],
  ['admin-users', '/admin/users'],
  ['admin-moderation', '/admin/moderation'],
  ['admin-jobs', '/admin/jobs'],
  ['admin-purchases', '/admin/purchases'],
  ['admin-models', '/admin/models'],
  ['admin-providers', '/admin/providers'],
  ['admin-audit', '/admin/audit'],
  ['admin-config', '/admin/config'],
  ['missing', '/nothing/here'],
]

/** How wide the screen is, and in which colours; what is narrower or wider than most is looked at in one of them. */
export const SIZES = [
  ['320', { width: 320, height: 640 }, ['dark']],
  ['360', { width: 360, height: 780 }, ['dark', 'light']],
  ['1280', { width: 1280, height: 860 }, ['dark', 'light']],
  ['2560', { width: 2560, height: 1440 }, ['light']],
]

/** A page is there: the part that loads is gone. */
export async function settled(page) {
  await page.waitForSelector('#main h1, #main [role=alert]', { timeout: 15_000, state: 'attached' })
  await page.waitForFunction(() => !document.querySelector('#main .skeleton'), null, { timeout: 8000 }).catch(() => undefined)
  await page.waitForTimeout(400)
}
