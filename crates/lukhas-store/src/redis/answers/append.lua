-- Adds pieces to an answer.
--
-- ARGV: prefix; answer; instance; how long its claim lasts now; most bytes of all; the bytes of these
-- pieces, or '' if the answer is too large to be kept; how many pieces there are before them; the pieces.
-- Gives 'kept'; 'large', if it is not kept, for its own size or for want of room; or 'lost', if it was
-- another's.

local instance, lease, bytes = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[6])
local is_made, state = is_made_by(instance)
local pieces = pieces_of(instance)
if not is_made then
  return 'lost'
end
if state == 'large' then
  return 'large'
end
if not bytes or not make_room(bytes, 0, tonumber(ARGV[5]), math.huge) then
  redis.call('HSET', answer_of(id), 's', 'large')
  redis.call('DEL', pieces)
  grow(string.format('%.0f', -tonumber(redis.call('HGET', answer_of(id), 'b') or 0)))
  return 'large'
end
if redis.call('LLEN', pieces) ~= tonumber(ARGV[7]) then
  return 'lost'
end
for i = 8, #ARGV do
  redis.call('RPUSH', pieces, ARGV[i])
end
redis.call('PEXPIRE', pieces, millis(3 * lease))
redis.call('HINCRBY', answer_of(id), 'b', bytes)
grow(ARGV[6])
return 'kept'
