-- Goes on reserving what a session has reserved.
--
-- What that is is said, too: a new session takes over what the one before it had, and so does one whose
-- store has lost its memory.
--
-- KEYS: pages. ARGV: session; the one before it, or ''; how long it reserves things; d; for each page q and
-- r, and how long it is kept.

local session, before, lapses = ARGV[1], ARGV[2], now + tonumber(ARGV[3])
for i, key in ipairs(KEYS) do
  local at = 3 * i + 2
  if before ~= '' then
    redis.call('HDEL', key, before)
  end
  local page = read(key, session, tonumber(ARGV[4]))
  if not is_more(page.own[1], page.own[2], 0, 0) then
    reserve(page, tonumber(ARGV[at]), tonumber(ARGV[at + 1]), lapses)
  end
  page.lapses = lapses
  write(page, session, ARGV[at + 2])
end
