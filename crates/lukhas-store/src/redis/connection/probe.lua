-- Does what other scripts do, to see whether it may be done.

redis.call('TIME')
redis.call('HSET', KEYS[1], 'f', '1')
redis.call('PEXPIRE', KEYS[1], 1000)
redis.call('HGETALL', KEYS[1])
redis.call('HDEL', KEYS[1], 'f')
redis.call('DEL', KEYS[1])
