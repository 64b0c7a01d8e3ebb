-- The first 14 bits of an id's md5: the item's place among the 16,384 hash ranges of a feed, the same on every server.
-- A migration of its own, because the generated column "hash" of products and stores needs it.
CREATE FUNCTION catalog_hash(id text) RETURNS smallint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (('x' || substr(md5(id), 1, 4))::bit(16)::int >> 2)::smallint;
