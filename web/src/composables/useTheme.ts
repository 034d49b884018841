// Light, dark, or as the system has it. `public/theme.js` sets it before anything is painted.
import { useLocalStorage, usePreferredDark } from '@vueuse/core'
import { watchEffect } from 'vue'

export type Theme = 'system' | 'light' | 'dark'

const theme = useLocalStorage<Theme>('easel-theme', 'system')

export function useTheme() {
  const dark = usePreferredDark()
  watchEffect(() => {
    const shown = theme.value === 'system' ? (dark.value ? 'dark' : 'light') : theme.value
    document.documentElement.dataset['theme'] = shown
    const colour = shown === 'dark' ? '#000000' : '#faf8f2'
    const bar = document.querySelector<HTMLMetaElement>('meta[name="theme-color"]')
    // The browser lays the page out before it takes the colour, even if it has it.
    if (bar && bar.content !== colour) bar.content = colour
  })
  return theme
}
