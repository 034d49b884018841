import type { RouteLocationNormalizedLoaded } from 'vue-router'

/** The token of a link from a mail. It stands behind the `#`, so that no server on the way sees it. */
export function tokenIn(route: Pick<RouteLocationNormalizedLoaded, 'hash' | 'query'>): string | null {
  const behind = new URLSearchParams(route.hash.slice(1)).get('token')
  const asked = route.query['token']
  return behind ?? (typeof asked === 'string' ? asked : null)
}
