// The one error of the API client. `code` is stable; the message is the server's and says what to do.

/** Refusals by a plan: its models, its pictures of a day, its room. */
const OF_PLANS = ['model_not_in_plan', 'daily_limit_reached', 'storage_quota_exceeded']

export class ApiFailure extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly param: string | null = null,
    readonly retryAfter: number | null = null,
  ) {
    super(message)
    this.name = 'ApiFailure'
  }

  /** Nobody is logged in. */
  get isUnauthenticated(): boolean {
    return this.status === 401
  }

  /** There is no such thing, or this server does not have the feature. */
  get isMissing(): boolean {
    return this.status === 404 || this.status === 405
  }

  /** The server was not reached. */
  get isOffline(): boolean {
    return this.status === 0
  }

  /** The operator's papers have to be agreed to first. */
  get needsConsent(): boolean {
    return this.code === 'consent_required'
  }

  /** More credits or another plan would help. */
  get needsPlan(): boolean {
    return this.status === 402 || OF_PLANS.includes(this.code)
  }
}

/** What an answer that is not good says. */
export async function failureOf(response: Response): Promise<ApiFailure> {
  const retry = Number(response.headers.get('retry-after')) || null
  try {
    const { error } = (await response.json()) as { error: { code?: string; message?: string; param?: string | null } }
    return new ApiFailure(response.status, error.code ?? 'unknown', error.message ?? response.statusText, error.param ?? null, retry)
  } catch {
    return new ApiFailure(response.status, 'unknown', `${response.status} ${response.statusText}`.trim(), null, retry)
  }
}

/** Any thrown thing as a failure. */
export function asFailure(thrown: unknown): ApiFailure {
  if (thrown instanceof ApiFailure) return thrown
  return new ApiFailure(0, 'offline', thrown instanceof Error ? thrown.message : String(thrown))
}
