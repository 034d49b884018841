// The shapes of the API, by the names the pages use: those of `schema.ts`, which `npm run typecheck` makes of docs/openapi.json. Nothing else names a
// schema.
import type { components } from './schema'

type Schemas = components['schemas']

/** As the server answers: what may be missing in a request is null in an answer. */
type Shown<T> = { [K in keyof T]-?: Exclude<T[K], undefined> }

export type Role = 'user' | 'moderator' | 'admin' | 'superuser'
export type User = Omit<Shown<Schemas['UserView']>, 'role'> & { role: Role }

export interface Page<T> {
  data: T[]
  next: string | null
}

/** A stored picture to start from. */
export type Source = Schemas['SourceBody']

export type Quality = 'normal' | '2k' | '4k'
export type OutputFormat = 'png' | 'jpeg' | 'webp'

/** What is to be drawn; what is left out is the model's own default. */
export type DrawingBody = Partial<Omit<Schemas['DrawingBody'], 'prompt'>> & { prompt: string }

export type JobState = 'queued' | 'processing' | 'completed' | 'failed' | 'cancelled'

/** What a job keeps of it (`crates/platform/src/orders`). */
export interface Drawing {
  model: string
  prompt: string
  negative_prompt?: string
  width?: number
  height?: number
  steps?: number
  guidance?: number
  sampler?: string
  schedule?: string
  eta?: number
  clip_skip?: number
  seed?: number
  count: number
  start?: Source
  mask?: Source
  strength?: number
  /** What the prompts were made of, where styles were chosen. */
  styled?: { raw_prompt: string; raw_negative?: string; styles: { id: string; hash: string }[]; catalogue: { edition: number; hash: string } }
}

/** What somebody wrote, before styles; null of what was not written. */
export const writtenIn = ({ work }: Order): string | null => (work.kind === 'draw' ? (work.styled?.raw_prompt ?? work.prompt) : null)

export interface Order {
  work: ({ kind: 'draw' } & Drawing) | { kind: 'upscale'; source: Source; factor: number }
  output: { format: OutputFormat; quality: Quality; compression: number; lossless: boolean }
}

/** The stored picture that an order makes another of; null where there is none, or where it was sent for this alone. */
export const startOf = ({ work }: Order): string | null => {
  const source = work.kind === 'upscale' ? work.source : work.start
  return source?.from === 'image' ? source.id : null
}

export type Job = Omit<Shown<Schemas['JobView']>, 'state' | 'request' | 'images' | 'error'> & {
  state: JobState
  request: Order
  error: Schemas['JobError'] | null
  /** Lists come without. */
  images?: Picture[]
}

/** Who drew a job's pictures, if not this server. */
export type ServedBy = NonNullable<Job['served_by']>

/** Whether prompts may leave this server. */
export type External = Required<Schemas['ExternalBody']>
/** An account of one's own with an image service. */
export type ApiConfig = Shown<Schemas['ApiConfigView']>
export type ApiConfigBody = Partial<Omit<Schemas['ApiConfigBody'], 'name' | 'provider' | 'model'>> & Pick<Schemas['ApiConfigBody'], 'name' | 'provider' | 'model'>
export type ProviderStanding = Shown<Schemas['ProviderStandingView']>

/** `tags` come with a single picture alone. */
export type Picture = Omit<Shown<Schemas['ImageView']>, 'parameters' | 'tags'> & { parameters: Record<string, unknown>; tags?: string[] }
export type PublicPicture = Shown<Schemas['PublicImageView']>
export type Template = Omit<Shown<Schemas['TemplateView']>, 'parameters'> & { parameters: Record<string, unknown> }
export type Comment = Shown<Schemas['CommentView']>
export type Album = Omit<Shown<Schemas['AlbumView']>, 'image_count'> & { image_count?: number | null }
export type Tag = Shown<Schemas['TagView']>
/** The token comes with a new one alone. */
export type Share = Omit<Shown<Schemas['ShareView']>, 'token'> & { token?: string | null }
export type Case = Shown<Schemas['CaseView']>
/** What was decided about something of one's own. */
export type OwnCase = Shown<Schemas['OwnCaseView']>
export type Report = Shown<Schemas['ReportView']>
export type PublicConfig = Shown<Schemas['PublicConfigView']>
/** One of the operator's papers, as it is now. */
export type Paper = Shown<Schemas['PaperView']>
/** What somebody has agreed to, and what they have yet to. */
export interface Consents {
  given: Shown<Schemas['ConsentView']>[]
  missing: Paper[]
}
export type SignInProvider = Shown<Schemas['ProviderView']>

/** What can be wrong with what others see. */
export const REPORT_CATEGORIES = ['sexual', 'child_abuse', 'violence', 'hate', 'harassment', 'self_harm', 'privacy', 'copyright', 'illegal', 'spam', 'other'] as const
export type ReportCategory = (typeof REPORT_CATEGORIES)[number]
export type Upload = Shown<Schemas['UploadView']>
export type Quote = Shown<Schemas['QuoteView']>
export type Model = Shown<Schemas['ModelView']>
export type Plan = Shown<Schemas['PlanView']>
/** How often a plan is paid. */
export type Interval = 'month' | 'year'
export type Subscription = Shown<Schemas['SubscriptionView']>
/** The plan somebody has, and what they pay for it. */
export interface CurrentPlan {
  plan: Plan
  ends_at: string | null
  subscription: Subscription | null
}
export type Pack = Shown<Schemas['PackView']>
export type PurchaseState = 'pending' | 'paid' | 'cancelled' | 'refunded'
export type Purchase = Omit<Shown<Schemas['PurchaseView']>, 'state'> & { state: PurchaseState }
export interface Ordered {
  purchase: Purchase
  url: string
}
export type Balance = Omit<Shown<Schemas['BalanceView']>, 'grants'> & { grants: Shown<Schemas['GrantView']>[] }
export type Transfer = Shown<Schemas['TransferView']>
export type UsageDay = Shown<Schemas['DayView']>
export type Archive = Omit<Shown<Schemas['ExportView']>, 'state'> & { state: 'none' | 'pending' | 'running' | 'ready' | 'failed' }
export type Session = Shown<Schemas['SessionRow']>
export type ApiKey = Shown<Schemas['KeyView']>

/** What happens to a job, as the socket and the event stream tell it (`crates/platform/src/bus.rs`). */
export type What =
  | { type: 'queued' }
  | { type: 'waiting'; position: number; seconds_left: number }
  | { type: 'started' }
  | { type: 'step'; index: number; total: number; seconds_left: number }
  | { type: 'preview'; picture: number; jpeg: string }
  | { type: 'decoded'; index: number; total: number }
  | { type: 'cancel_requested' }
  | { type: 'ended'; state: JobState }

// ---- What helps to write a prompt.
export type Style = Shown<Schemas['StyleView']>
export type StyleCategory = Shown<Schemas['StyleCategoryView']>
export type StylePage = Omit<Shown<Schemas['StylesView']>, 'data'> & { data: Style[] }
export type Suggestion = Omit<Shown<Schemas['SuggestionView']>, 'kind'> & { kind: 'own' | 'term' | 'phrase' | 'style' }
export type EnhancedPrompt = Omit<Shown<Schemas['EnhancedView']>, 'by'> & { by: 'rules' | 'model' }
export type PromptTerm = Shown<Schemas['TermView']>
export type BuiltPrompt = Shown<Schemas['BuiltView']>
export type RandomPrompt = Shown<Schemas['RandomView']>
export type WrittenPrompt = Shown<Schemas['HistoryView']>

// ---- Administration.
export type AdminJob = Omit<Shown<Schemas['AdminJobView']>, 'state'> & { state: JobState }
/** Limits of one person in the place of their plan's; null is the plan's. */
export type OwnLimits = Shown<Schemas['LimitsView']>
export type AuditRow = Omit<Shown<Schemas['AuditView']>, 'detail'> & { detail: Record<string, unknown> }
export type Device = Shown<Schemas['DeviceView']>
export type InstalledModel = Shown<Schemas['InstalledView']>
/** A process that shares the database, and what it draws on. */
export type ServerNode = Omit<Shown<Schemas['NodeView']>, 'devices'> & { devices: Shown<Schemas['NodeDeviceView']>[] }
/** A day of the payment service's books against ours. */
export type Comparison = Shown<Schemas['ComparisonView']>
export type Setting = Shown<Schemas['ShownSetting']>
export type Totals = Omit<Shown<Schemas['TotalsView']>, 'days'> & { days: (UsageDay & { users: number })[] }
