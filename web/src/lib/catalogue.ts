// The server's samplers and schedules (crates/types/src/sampler.rs), with the names people know them by; and shapes.

const named = (pairs: [string, string][]): { id: string; title: string }[] => pairs.map(([id, title]) => ({ id, title }))

export const SAMPLERS = named([
  ['euler', 'Euler'],
  ['euler_ancestral', 'Euler a'],
  ['dpmpp_2m', 'DPM++ 2M'],
  ['dpmpp_2m_sde', 'DPM++ 2M SDE'],
  ['dpmpp_2m_sde_heun', 'DPM++ 2M SDE Heun'],
  ['dpmpp_3m', 'DPM++ 3M'],
  ['dpmpp_3m_sde', 'DPM++ 3M SDE'],
  ['dpmpp_2s', 'DPM++ 2S'],
  ['dpmpp_2s_ancestral', 'DPM++ 2S a'],
  ['dpmpp_3s', 'DPM++ 3S'],
  ['dpmpp_sde', 'DPM++ SDE'],
  ['unipc', 'UniPC'],
  ['deis', 'DEIS'],
  ['heun', 'Heun'],
  ['dpm2', 'DPM2'],
  ['dpm2_ancestral', 'DPM2 a'],
  ['lms', 'LMS'],
  ['ddim', 'DDIM'],
  ['ddpm', 'DDPM'],
  ['pndm', 'PLMS'],
  ['ipndm', 'IPNDM'],
  ['lcm', 'LCM'],
  ['tcd', 'TCD'],
  ['flow_match_euler', 'Flow Match Euler'],
])

export const SCHEDULES = named([
  ['normal', 'Normal'],
  ['karras', 'Karras'],
  ['exponential', 'Exponential'],
  ['polyexponential', 'Polyexponential'],
  ['beta', 'Beta'],
  ['sgm_uniform', 'SGM Uniform'],
  ['simple', 'Simple'],
  ['ddim_uniform', 'DDIM Uniform'],
  ['kl_optimal', 'KL Optimal'],
  ['align_your_steps', 'Align Your Steps'],
  ['turbo', 'Turbo'],
])

export const RATIOS = ['1:1', '4:3', '3:4', '3:2', '2:3', '16:9', '9:16', '21:9'] as const

/** Accepted uploads: R-270's defaults. */
export const UPLOAD_TYPES = ['image/png', 'image/jpeg', 'image/webp']
const TYPE_NAMES: Record<string, string> = { 'image/webp': 'WebP' }
/** As people call them: `PNG, JPEG, WebP`. */
export const typeNames = (types: readonly string[]): string => types.map((type) => TYPE_NAMES[type] ?? type.replace('image/', '').toUpperCase()).join(', ')
export const UPLOAD_BYTES_MAX = 10_000_000
