-- The key that a request carries, by its hash. A function, because the session keeps its plan, as of feed_states. Not STABLE: should it wait
-- for a lock, it reads the key as it is after that.
CREATE FUNCTION find_key(key_hash text) RETURNS json LANGUAGE plpgsql AS $$
BEGIN
  RETURN (
    SELECT json_build_object(
      'principal', json_build_object('id', id, 'name', name, 'scopes', scopes), 'hash', hash,
      'stale', coalesce(last_used_at < now() - interval '1 minute', true))
    FROM api_keys WHERE hash = key_hash AND revoked_at IS NULL
  );
END $$;
