-- Admits a call that takes all it wants, or nothing; then gives back what it took before.
--
-- KEYS: a bucket for each thing that is wanted, then for each that was spent.
-- ARGV: session; how long it holds things; how many things are wanted; for each its kind ('spend' or
-- 'hold'), d, and as q and r: a full bucket, what is wanted, and what is wanted besides, if there is so
-- much of everything; for each that was spent: d, q, r, when.
-- Gives 2 if it is admitted with all besides, 1 if it is admitted, or 0; the time; and of every bucket how
-- much it lacks, as q and r.

local session, lapses, wanted = ARGV[1], now + tonumber(ARGV[2]), tonumber(ARGV[3])
local at = 3
local function argument()
  at = at + 1
  return ARGV[at]
end
local function amount()
  return { tonumber(argument()), tonumber(argument()) }
end

local buckets = {}
local function bucket(key, d)
  buckets[key] = buckets[key] or read(key, session, d)
  return buckets[key]
end

local all, asks_more = {}, false
for i = 1, wanted do
  local kind, d = argument(), tonumber(argument())
  local it = { kind = kind, bucket = bucket(KEYS[i], d) }
  it.room, it.cost, it.more = amount(), amount(), amount()
  asks_more = asks_more or is_more(it.more[1], it.more[2], 0, 0)
  all[i] = it
end

-- Whether there is room for all, each with what it wants of `parts`. What one bucket is asked for twice
-- has to be there twice.
local function fits(parts)
  local asked = {}
  for _, it in ipairs(all) do
    local from = it.bucket
    local sum = asked[from.key] or { 0, 0 }
    for _, part in ipairs(parts) do
      sum[1], sum[2] = add(sum[1], sum[2], it[part][1], it[part][2], from.d)
    end
    asked[from.key] = sum
    local q, r = missing(from)
    q, r = add(q, r, sum[1], sum[2], from.d)
    if is_more(q, r, it.room[1], it.room[2]) then
      return false
    end
  end
  return true
end

local admitted, parts = 0, {}
if asks_more and fits({ 'cost', 'more' }) then
  admitted, parts = 2, { 'cost', 'more' }
elseif fits({ 'cost' }) then
  admitted, parts = 1, { 'cost' }
end

local answer = { admitted, now }
local function tell(bucket)
  local q, r = missing(bucket)
  table.insert(answer, q)
  table.insert(answer, r)
end
for _, it in ipairs(all) do
  for _, part in ipairs(parts) do
    if it.kind == 'hold' then
      hold(it.bucket, it[part][1], it[part][2], lapses)
    else
      spend(it.bucket, it[part][1], it[part][2])
    end
  end
  tell(it.bucket)
end
if admitted == 0 then
  for i = wanted + 1, #KEYS do
    local from = bucket(KEYS[i], tonumber(argument()))
    local spent, when = amount(), tonumber(argument())
    refund(from, spent[1], spent[2], when)
    from.is_changed = true
    tell(from)
  end
end
for _, it in pairs(buckets) do
  if admitted > 0 or it.is_changed then
    write(it, session)
  end
end
return answer
