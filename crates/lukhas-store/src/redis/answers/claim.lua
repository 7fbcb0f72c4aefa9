-- Claims a key for a request, or finds what became of an earlier one.
--
-- ARGV: prefix; answer; fingerprint; instance; how long a claim lasts unless it is renewed; how long an
-- answer is kept; most bytes and most answers of all; the bytes of one without pieces.
-- Gives what was found, and the instance whose pieces are to be read.

local fingerprint, instance = ARGV[3], ARGV[4]
local lease, ttl = tonumber(ARGV[5]), tonumber(ARGV[6])

-- What is over gives its room back; a few at a time, so that none of these takes long. Who still reads
-- what was being made has its pieces a little longer.
local function over(order, since)
  return redis.call('ZRANGEBYSCORE', order, '-inf', string.format('%.0f', since), 'LIMIT', 0, 16)
end
for _, other in ipairs(over(running, now)) do
  forget(other, true)
end
for _, other in ipairs(over(ended, now - ttl)) do
  forget(other, false)
end

local found = redis.call('HMGET', answer_of(id), 'f', 'i', 's')
local lapses = redis.call('ZSCORE', running, id)
local is_over = found[3] == 'running' and not (lapses and tonumber(lapses) > now)
if found[1] and not is_over then
  if found[1] ~= fingerprint then
    return { 'reused', '' }
  end
  if found[3] == 'running' then
    redis.call('HSET', answer_of(id), 'r', string.format('%.0f', now))
  end
  return { found[3], found[2] }
end
forget(id, true)
if not make_room(tonumber(ARGV[9]), 1, tonumber(ARGV[7]), tonumber(ARGV[8])) then
  return { 'full', '' }
end
redis.call('HSET', answer_of(id), 'f', fingerprint, 'i', instance, 's', 'running')
redis.call('PEXPIRE', answer_of(id), millis(3 * lease))
redis.call('ZADD', running, string.format('%.0f', now + lease), id)
grow(ARGV[9])
keep_index(ttl, lease)
return { 'new', instance }
