// A server that answers as it is told, and keeps what it was asked.
import { vi } from 'vitest'

export interface Asked {
  method: string
  path: string
  query: URLSearchParams
  body: unknown
  headers: Record<string, string>
}

type Answer = unknown | ((asked: Asked) => unknown)

export class Refusal {
  constructor(
    readonly status: number,
    readonly code = 'refused',
    readonly message = 'no',
    readonly param: string | null = null,
  ) {}
}

/** `'POST /api/v1/x'` to an answer; what is not listed is 404. An `Error` is a connection that fails. */
export function server(answers: Record<string, Answer>): { asked: Asked[]; of: (route: string) => Asked[] } {
  const asked: Asked[] = []
  vi.stubGlobal('fetch', async (input: string, init: RequestInit = {}) => {
    const url = new URL(input, 'http://localhost')
    const text = typeof init.body === 'string' ? init.body : null
    const one: Asked = {
      method: init.method ?? 'GET',
      path: url.pathname,
      query: url.searchParams,
      body: text ? JSON.parse(text) : (init.body ?? null),
      headers: (init.headers ?? {}) as Record<string, string>,
    }
    asked.push(one)
    const route = `${one.method} ${one.path}`
    const known = route in answers ? answers[route] : new Refusal(404, 'not_found')
    const answer = await (typeof known === 'function' ? (known as (asked: Asked) => unknown)(one) : known)
    if (answer instanceof Error) throw answer
    if (answer instanceof Response) return answer
    if (answer instanceof Refusal) {
      const { status, code, message, param } = answer
      return Response.json({ error: { code, message, param, type: 'x' } }, { status })
    }
    return answer === null ? new Response(null, { status: 204 }) : Response.json(answer)
  })
  return { asked, of: (route) => asked.filter(({ method, path }) => `${method} ${path}` === route) }
}
