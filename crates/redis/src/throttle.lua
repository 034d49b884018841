-- The generic cell rate algorithm over several buckets at once: all of them let a request through, or none counts it.
-- KEYS: one for each bucket. ARGV: for each bucket, microseconds that one request takes, and how many may come at once.
-- The clock is Redis' own, so that nodes need not agree on the time.
-- Returns 1 or 0, then for each bucket how many more may come now, after how long it is as new, and how long to wait (microseconds).
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local arrivals, answer, allowed = {}, {}, 1
for index = 1, #KEYS do
    local each, burst = tonumber(ARGV[2 * index - 1]), tonumber(ARGV[2 * index])
    -- When the bucket is as new. Never later than it can be: another limit may have been set, or the clock put back.
    local full = math.min(tonumber(redis.call('GET', KEYS[index]) or now), now + each * burst)
    full = math.max(full, now)
    local wait = full + each - each * burst - now
    if wait > 0 then allowed = 0 else wait = 0 end
    arrivals[index] = { full = full, each = each, burst = burst, wait = wait }
end
answer[1] = allowed
for index = 1, #KEYS do
    local bucket = arrivals[index]
    if allowed == 1 then
        bucket.full = bucket.full + bucket.each
        redis.call('SET', KEYS[index], string.format('%.0f', bucket.full), 'PX', math.ceil((bucket.full - now) / 1000) + 1)
    end
    local remaining = math.max(0, math.floor((bucket.each * bucket.burst - (bucket.full - now)) / bucket.each))
    answer[#answer + 1] = remaining
    answer[#answer + 1] = math.ceil(bucket.full - now)
    answer[#answer + 1] = math.ceil(bucket.wait)
end
return answer
