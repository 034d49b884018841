// What every page asks first, asked while its scripts are still on their way: `src/api/early.ts` takes the answer.
window.easelEarly = fetch('/api/v1/config/public', { headers: { accept: 'application/json' } })
// Whoever takes it is told that it failed; if nobody does, there is nobody to tell.
window.easelEarly.catch(function () {})
