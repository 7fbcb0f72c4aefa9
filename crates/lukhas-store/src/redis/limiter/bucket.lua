-- What the other scripts of limits are written with.
--
-- A bucket is a hash. Its field `f` says when it is full again; every other field is a session of a
-- replica, and says how much that holds and until when. Both are amounts of microseconds.
-- What a session holds and does not renew lapses, and a bucket in which nothing is left to know expires.

-- The bucket at `key`, as `session` sees it.
local function read(key, session, d)
  local bucket = {
    key = key, d = d, full_q = 0, full_r = 0,
    own_q = 0, own_r = 0, own_until = 0,
    others_q = 0, others_r = 0, others_until = 0, lapsed = {},
  }
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    local q, r, lapses = string.match(fields[i + 1], '^(%d+) (%d+) ?(%d*)$')
    q, r, lapses = tonumber(q), tonumber(r), tonumber(lapses)
    if fields[i] == 'f' then
      bucket.full_q, bucket.full_r = q, r
    elseif lapses <= now then
      table.insert(bucket.lapsed, fields[i])
    elseif fields[i] == session then
      bucket.own_q, bucket.own_r, bucket.own_until = q, r, lapses
    else
      bucket.others_q, bucket.others_r = add(bucket.others_q, bucket.others_r, q, r, d)
      bucket.others_until = math.max(bucket.others_until, lapses)
    end
  end
  return bucket
end

-- How much the bucket lacks.
local function missing(bucket)
  local q, r = subtract(bucket.full_q, bucket.full_r, now, 0, bucket.d)
  q, r = add(q, r, bucket.own_q, bucket.own_r, bucket.d)
  return add(q, r, bucket.others_q, bucket.others_r, bucket.d)
end

-- Takes an amount out, whether or not it is there.
local function spend(bucket, q, r)
  if not is_more(bucket.full_q, bucket.full_r, now, 0) then
    bucket.full_q, bucket.full_r = now, 0
  end
  bucket.full_q, bucket.full_r = add(bucket.full_q, bucket.full_r, q, r, bucket.d)
end

local function hold(bucket, q, r, lapses)
  bucket.own_q, bucket.own_r = add(bucket.own_q, bucket.own_r, q, r, bucket.d)
  bucket.own_until = lapses
end

local function release(bucket, q, r)
  bucket.own_q, bucket.own_r = subtract(bucket.own_q, bucket.own_r, q, r, bucket.d)
end

-- Gives back an amount that was taken out `at`, but for what has come back since.
local function refund(bucket, q, r, at)
  q, r = subtract(q, r, math.max(0, now - at), 0, bucket.d)
  bucket.full_q, bucket.full_r = subtract(bucket.full_q, bucket.full_r, q, r, bucket.d)
end

local function write(bucket, session)
  local gone, there = bucket.lapsed, {}
  local lasts = bucket.others_until
  if is_more(bucket.full_q, bucket.full_r, now, 0) then
    table.insert(there, 'f')
    table.insert(there, string.format('%.0f %.0f', bucket.full_q, bucket.full_r))
    lasts = math.max(lasts, bucket.full_q + 1)
  else
    table.insert(gone, 'f')
  end
  if is_more(bucket.own_q, bucket.own_r, 0, 0) then
    table.insert(there, session)
    table.insert(there, string.format('%.0f %.0f %.0f', bucket.own_q, bucket.own_r, bucket.own_until))
    lasts = math.max(lasts, bucket.own_until)
  else
    table.insert(gone, session)
  end
  if #there > 0 then
    redis.call('HSET', bucket.key, unpack(there))
  end
  if lasts <= now then
    redis.call('DEL', bucket.key)
    return
  end
  if #gone > 0 then
    redis.call('HDEL', bucket.key, unpack(gone))
  end
  redis.call('PEXPIRE', bucket.key, string.format('%.0f', math.ceil((lasts - now) / 1000)))
end
