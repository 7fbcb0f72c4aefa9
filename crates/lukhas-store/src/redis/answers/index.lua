-- What the other scripts of answers are written with. ARGV[1] is what names begin with, ARGV[2] the
-- answer's identifier.
--
-- An answer is a hash: `f` is the fingerprint of its request, `i` the instance that makes or made it, `s`
-- its state ('running', 'done', 'large'), and `r` when somebody elsewhere has read of it last. Its pieces
-- are a list of the instance: 'd' and what it says, and last of all 'e' (it is whole) or 'x' (it was
-- given up). Answers that run are in one order, by when they lapse, those that have ended in another, by
-- when they did; `sizes` has the bytes of each, and `total` their sum.

local prefix, id = ARGV[1] .. ':answers:', ARGV[2]
local running, ended = prefix .. 'running', prefix .. 'ended'
local sizes, total = prefix .. 'sizes', prefix .. 'total'

local function answer_of(id)
  return prefix .. 'of:' .. id
end

local function pieces_of(instance)
  return prefix .. 'pieces:' .. instance
end

local function millis(micros)
  return string.format('%.0f', math.ceil(micros / 1000))
end

-- Keeps what is kept of all answers together for as long as there is one.
local function keep_index(ttl, lease)
  for _, name in ipairs({ running, ended, sizes, total }) do
    redis.call('PEXPIRE', name, millis(ttl + 4 * lease))
  end
end

-- Whether `instance` makes the answer, and its state.
local function is_made_by(instance)
  local found = redis.call('HMGET', answer_of(id), 'i', 's')
  local is_running = redis.call('ZSCORE', running, id)
  return is_running and found[1] == instance, found[2]
end

-- Adds bytes to the answer, which may be fewer than none.
local function grow(bytes)
  redis.call('HINCRBY', sizes, id, bytes)
  redis.call('INCRBY', total, bytes)
end

-- Forgets an answer; its pieces stay for those who read them, if somebody may.
local function forget(id, pieces_stay)
  local instance = redis.call('HGET', answer_of(id), 'i')
  if instance and not pieces_stay then
    redis.call('DEL', pieces_of(instance))
  end
  redis.call('DEL', answer_of(id))
  redis.call('ZREM', running, id)
  redis.call('ZREM', ended, id)
  local size = redis.call('HGET', sizes, id)
  if size then
    redis.call('HDEL', sizes, id)
    redis.call('DECRBY', total, size)
  end
end

-- Whether there is room for so much more, once the answers that ended longest ago are gone.
local function make_room(bytes, entries, most_bytes, most_entries)
  while true do
    local count = redis.call('ZCARD', running) + redis.call('ZCARD', ended) + entries
    local sum = tonumber(redis.call('GET', total) or 0) + bytes
    if sum <= most_bytes and count <= most_entries then
      return true
    end
    local oldest = redis.call('ZRANGE', ended, 0, 0)[1]
    if not oldest then
      return false
    end
    forget(oldest, false)
  end
end
