// The server's samplers and schedules (crates/types/src/sampler.rs), with the names people know them by; shapes; and what the form starts with.

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
export const UPLOAD_BYTES_MAX = 10_000_000

const SUBJECTS = [
  'a lighthouse on a cliff', 'a fox asleep in tall grass', 'an old bookshop at closing time', 'a paper boat on a puddle', 'a tea house in the mist',
  'a red bicycle by a canal', 'a lemon tree on a balcony', 'a whale beneath the ice', 'a night train crossing a viaduct', 'a greenhouse full of orchids',
  'a market street after rain', 'an astronaut tending tomatoes', 'a cat on a warm windowsill', 'a clockmaker at work', 'a mountain hut under the stars',
]
const MANNERS = [
  'oil painting', 'watercolour on rough paper', 'gouache illustration', 'woodblock print', 'ink and wash', 'soft pastel', '35 mm photograph',
  'stained glass', 'pencil drawing', 'paper cut-out', 'isometric pixel art', 'film still',
]
const LIGHTS = ['golden hour', 'blue hour', 'morning mist', 'candlelight', 'overcast, soft light', 'full moon', 'long shadows', 'storm light']

/** A prompt to begin with; `random` gives numbers from 0 to below 1. */
export function randomPrompt(random: () => number = Math.random): string {
  const one = (list: string[]): string => list[Math.floor(random() * list.length)] ?? ''
  return `${one(SUBJECTS)}, ${one(MANNERS)}, ${one(LIGHTS)}`
}
