-- What the other scripts of budgets are written with.
--
-- A page is an account in a window, and a hash. Its field `s` says what was settled; every other field is
-- a session of a replica, and says how much that has reserved and until when. What a session has reserved
-- and does not renew is settled: nobody knows better what its calls used.

local function read(key, session, d)
  local page = { key = key, d = d, settled = { 0, 0 }, own = { 0, 0 }, others = { 0, 0 }, lapsed = {} }
  local fields = redis.call('HGETALL', key)
  local function put(to, q, r)
    page[to][1], page[to][2] = add(page[to][1], page[to][2], q, r, d)
  end
  for i = 1, #fields, 2 do
    local q, r, lapses = string.match(fields[i + 1], '^(%d+) (%d+) ?(%d*)$')
    q, r, lapses = tonumber(q), tonumber(r), tonumber(lapses)
    if fields[i] == 's' then
      put('settled', q, r)
    elseif lapses <= now then
      put('settled', q, r)
      table.insert(page.lapsed, fields[i])
    elseif fields[i] == session then
      put('own', q, r)
      page.lapses = lapses
    else
      put('others', q, r)
    end
  end
  return page
end

local function reserve(page, q, r, lapses)
  page.own[1], page.own[2] = add(page.own[1], page.own[2], q, r, page.d)
  page.lapses = lapses
end

local function release(page, q, r)
  page.own[1], page.own[2] = subtract(page.own[1], page.own[2], q, r, page.d)
end

local function settle(page, q, r)
  page.settled[1], page.settled[2] = add(page.settled[1], page.settled[2], q, r, page.d)
end

local function reserved(page)
  return add(page.own[1], page.own[2], page.others[1], page.others[2], page.d)
end

-- Keeps the page for so many milliseconds, if there is anything to know of it.
local function write(page, session, kept)
  local gone, there = page.lapsed, {}
  local function put(field, amount, lapses)
    if is_more(amount[1], amount[2], 0, 0) then
      table.insert(there, field)
      local text = string.format('%.0f %.0f', amount[1], amount[2])
      table.insert(there, lapses and text .. string.format(' %.0f', lapses) or text)
    else
      table.insert(gone, field)
    end
  end
  put('s', page.settled)
  put(session, page.own, page.lapses)
  if #gone > 0 then
    redis.call('HDEL', page.key, unpack(gone))
  end
  if #there > 0 then
    redis.call('HSET', page.key, unpack(there))
    redis.call('PEXPIRE', page.key, kept)
  end
end
