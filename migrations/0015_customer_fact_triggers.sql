-- What is known of a customer, and what wins: the one place that decides it, for REST, files and plain SQL.
-- A fact is the value of a field at a time. Of two facts about a field the newer one wins, in whichever order they arrive;
-- an e-mail or a telephone number that cannot be used never wins over one that can.
--  - INSERT … ON CONFLICT (id) DO UPDATE says facts as of its "known_at", now without one. What it says nothing about
--    (null, blank, n/a) stays as it is.
--  - UPDATE edits: the fields that it changes, null included, are true from now on. When it sets "known_at", all fields are.

-- The text trimmed; null when it says nothing: blank, n/a, dashes. src/customers/said.ts has the same rule.
CREATE FUNCTION customers_said(given text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN btrim(given, E' \t\n\u000b\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff') !~* '^(#?n[/.\\]a\.?|[-–—_.,;:*?/#\s]*)$'
  THEN btrim(given, E' \t\n\u000b\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff') END;
--> statement-breakpoint
-- Whether Klaviyo can be sent the value: what src/klaviyo/mapping/identifiers.ts accepts as an e-mail; of a telephone number
-- only what can be seen without its country. Values of other fields always can.
CREATE FUNCTION customers_usable(field text, said text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(CASE field
  WHEN 'email' THEN char_length(said) <= 100 AND strpos(said, '@') <= 65
    AND said !~ '[\s\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ufffd-\uffff]'
    AND said ~ '^[A-Za-z0-9\u00aa-\U0010ffff!#$%&''*+/=?^_`{|}~-]+(\.[A-Za-z0-9\u00aa-\U0010ffff!#$%&''*+/=?^_`{|}~-]+)*@([A-Za-z0-9\u00aa-\U0010ffff]([A-Za-z0-9\u00aa-\U0010ffff-]*[A-Za-z0-9\u00aa-\U0010ffff])?\.)+[A-Za-z\u00aa-\U0010ffff][A-Za-z0-9\u00aa-\U0010ffff-]*[A-Za-z0-9\u00aa-\U0010ffff]$'
  WHEN 'phone_number' THEN said ~* '^\+?[-0-9()./\s\u00a0\u2010-\u2015]+((x|ext\.?)\s*[0-9]{1,7})?$' AND (
    SELECT digits !~ '^(.)\1*$' AND CASE
      WHEN digits ~ '^(00)?1' AND said ~ '^\s*(\+|00)' THEN digits ~ '^(00)?1[2-9][0-9]{2}[2-9][0-9]{6}$'
      WHEN said ~ '^\s*(\+|00)' THEN char_length(ltrim(digits, '0')) BETWEEN 8 AND 15
      ELSE char_length(digits) BETWEEN 7 AND 15
    END
    FROM regexp_replace(split_part(lower(said), 'x', 1), '[^0-9]', '', 'g') AS digits
  )
  ELSE true
END, true);
--> statement-breakpoint
-- A value as a warning shows it: enough to recognize it, not enough to write to.
CREATE FUNCTION customers_masked(field text, said text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN customers_said(said) IS NULL THEN said
  WHEN field = 'phone_number' THEN '***' || right(said, 2)
  ELSE left(said, 1) || '***' || left(coalesce(substring(said FROM '@.*$'), ''), 100)
END;
--> statement-breakpoint
CREATE FUNCTION customers_text_fields() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY['email', 'phone_number', 'first_name', 'last_name', 'address1', 'address2', 'city', 'region', 'zip', 'country'];
--> statement-breakpoint
-- What a row says: an object of field to [value, time], where a key of metadata is the field "metadata.key". A field without
-- a time of its own has the row's; one that was emptied has the value null.
CREATE FUNCTION customers_facts(c customers) RETURNS jsonb LANGUAGE sql IMMUTABLE
RETURN (
  SELECT coalesce(jsonb_object_agg(
    coalesce(v.key, t.key),
    jsonb_build_array(v.value, coalesce(t.value, to_jsonb(extract(epoch FROM c.known_at))))
  ), '{}')
  FROM (
    SELECT key, value FROM jsonb_each(to_jsonb(c)) WHERE key = ANY (customers_text_fields()) AND value <> 'null'
    UNION ALL
    SELECT 'metadata.' || key, value FROM jsonb_each(c.metadata)
  ) AS v FULL JOIN jsonb_each(c.field_times) AS t ON t.key = v.key
);
--> statement-breakpoint
-- Of each field the fact that wins. Of two of the same time it is the one said last.
CREATE FUNCTION customers_newest(known jsonb, said jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE
RETURN (
  SELECT coalesce(jsonb_object_agg(field, fact), '{}') FROM (
    SELECT DISTINCT ON (field) field, fact FROM (
      SELECT key, value, 1 FROM jsonb_each(known)
      UNION ALL
      SELECT key, value, 2 FROM jsonb_each(said)
    ) AS facts(field, fact, arrival)
    ORDER BY field, customers_usable(field, fact ->> 0) DESC, (fact ->> 1)::numeric DESC, arrival DESC
  ) AS newest
);
--> statement-breakpoint
-- The row with the values and times of these facts, and nothing else in metadata.
CREATE FUNCTION customers_with_facts(c customers, facts jsonb) RETURNS customers LANGUAGE sql IMMUTABLE
RETURN (
  SELECT jsonb_populate_record(c, coalesce(jsonb_object_agg(field, fact -> 0) FILTER (WHERE field NOT LIKE 'metadata.%'), '{}')
    || jsonb_build_object(
      'metadata', coalesce(jsonb_object_agg(substr(field, 10), fact -> 0) FILTER (WHERE field LIKE 'metadata.%' AND fact -> 0 <> 'null'), '{}'),
      'field_times', coalesce(jsonb_object_agg(field, fact -> 1), '{}')))
  FROM jsonb_each(facts) AS f(field, fact)
);
--> statement-breakpoint
-- The row with its texts trimmed; one that says nothing becomes that of the row "before".
CREATE FUNCTION customers_trimmed(c customers, before customers) RETURNS customers LANGUAGE sql IMMUTABLE
RETURN (
  SELECT jsonb_populate_record(c, coalesce(jsonb_object_agg(key, coalesce(to_jsonb(customers_said(value)), to_jsonb(before) -> key)), '{}'))
  FROM jsonb_each_text(to_jsonb(c))
  WHERE key = ANY (customers_text_fields()) AND value IS DISTINCT FROM customers_said(value)
);
--> statement-breakpoint
-- One warning for each text that is not blank and says nothing.
CREATE FUNCTION customers_unsaid_warnings(c customers) RETURNS jsonb LANGUAGE sql IMMUTABLE
RETURN (
  SELECT coalesce(jsonb_agg(jsonb_build_object('code', 'left_out', 'field', 'customer.' || key,
    'detail', format('%s "%s" left out: it says nothing', key, left(btrim(value), 20))
  ) ORDER BY array_position(customers_text_fields(), key)), '[]')
  FROM jsonb_each_text(to_jsonb(c))
  WHERE key = ANY (customers_text_fields()) AND customers_said(value) IS NULL AND btrim(value, E' \t\r\n') <> ''
);
--> statement-breakpoint
-- One warning for each identifier said that cannot be used: left out where another one is known, else stored and not sent.
CREATE FUNCTION customers_unusable_warnings(said jsonb, c customers) RETURNS jsonb LANGUAGE sql IMMUTABLE
RETURN (
  SELECT coalesce(jsonb_agg(CASE WHEN to_jsonb(c) ->> field = value
    THEN jsonb_build_object('code', 'contact_omitted', 'field', 'customer.' || field,
      'detail', format('%s "%s" omitted: Klaviyo would reject it', field, customers_masked(field, value)))
    ELSE jsonb_build_object('code', 'left_out', 'field', 'customer.' || field,
      'detail', format('%s "%s" left out: it cannot be used', field, customers_masked(field, value)))
  END ORDER BY field), '[]')
  FROM (VALUES ('email', said -> 'email' ->> 0), ('phone_number', said -> 'phone_number' ->> 0)) AS identifiers(field, value)
  WHERE NOT customers_usable(field, value)
);
--> statement-breakpoint
-- An e-mail that cannot be used identifies nobody: two customers may come with the same one, and the first keeps it.
CREATE FUNCTION customers_holds_unusable(c customers) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN NOT customers_usable('email', c.email)
    AND EXISTS (SELECT FROM customers WHERE email_key(email) = email_key(c.email) AND id <> c.id);
END $$;
--> statement-breakpoint
-- When ON CONFLICT turns the row into an update, the next trigger must know what the row said: whatever the statement
-- assigns, a null or an older time of the inserted row is gone by then. The setting holds no values, and ends with the
-- statement.
CREATE FUNCTION customers_before_insert() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  said jsonb;
BEGIN
  NEW.warnings := customers_unsaid_warnings(NEW);
  NEW := customers_trimmed(NEW, NULL);
  NEW.known_at := least(coalesce(NEW.known_at, now()), now());
  said := customers_facts(NEW);
  PERFORM set_config('storefeed.customer_said', jsonb_build_object(
    'id', NEW.id, 'at', NEW.known_at, 'fields', ARRAY(SELECT jsonb_object_keys(said)), 'warnings', NEW.warnings)::text, true);
  IF customers_holds_unusable(NEW) THEN
    NEW.email := NULL;
  END IF;
  NEW.warnings := NEW.warnings || customers_unusable_warnings(said, NEW);
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER facts_insert BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION customers_before_insert();
--> statement-breakpoint
CREATE FUNCTION customers_after_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('storefeed.customer_said', '', true);
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER facts_inserted AFTER INSERT ON customers FOR EACH STATEMENT EXECUTE FUNCTION customers_after_insert();
--> statement-breakpoint
-- OLD is the row as it is under its lock, so of two writers at once each sees what the other said.
CREATE FUNCTION customers_before_update() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  inserted jsonb := nullif(current_setting('storefeed.customer_said', true), '')::jsonb;
  known jsonb := customers_facts(OLD);
  said jsonb;
  warned jsonb;
  at timestamptz;
BEGIN
  IF inserted ->> 'id' = OLD.id THEN
    at := inserted ->> 'at';
    warned := inserted -> 'warnings';
  ELSE
    inserted := NULL;
    at := greatest(now(), OLD.known_at);
    warned := customers_unsaid_warnings(NEW);
  END IF;
  NEW := customers_trimmed(NEW, OLD);
  NEW.field_times := '{}';
  said := (
    SELECT coalesce(jsonb_object_agg(field, jsonb_build_array(fact -> 0, extract(epoch FROM at))), '{}')
    FROM jsonb_each(customers_facts(NEW)) AS f(field, fact)
    WHERE fact -> 0 IS DISTINCT FROM known -> field -> 0
      OR CASE WHEN inserted IS NULL THEN NEW.known_at <> OLD.known_at ELSE inserted -> 'fields' ? field END
  );
  IF inserted IS NULL THEN
    said := said || (
      SELECT coalesce(jsonb_object_agg(field, jsonb_build_array(NULL, extract(epoch FROM at))), '{}')
      FROM jsonb_each(known) AS f(field, fact)
      WHERE fact -> 0 <> 'null' AND NOT customers_facts(NEW) ? field
    );
  END IF;
  NEW := customers_with_facts(NEW, customers_newest(known, said));
  IF customers_holds_unusable(NEW) THEN
    NEW.email := OLD.email;
  END IF;
  NEW.known_at := greatest(OLD.known_at, at);
  NEW.warnings := warned || customers_unusable_warnings(said, NEW);
  RETURN NEW;
END $$;
--> statement-breakpoint
-- Neither the most recent store nor a merge says anything about these fields. An insert may, although nothing differs.
CREATE TRIGGER facts_update BEFORE UPDATE ON customers FOR EACH ROW
WHEN (NEW.field_times = OLD.field_times AND (
  coalesce(current_setting('storefeed.customer_said', true), '') <> '' OR
  (NEW.email, NEW.phone_number, NEW.first_name, NEW.last_name, NEW.address1, NEW.address2, NEW.city, NEW.region, NEW.zip,
    NEW.country, NEW.metadata, NEW.known_at) IS DISTINCT FROM
  (OLD.email, OLD.phone_number, OLD.first_name, OLD.last_name, OLD.address1, OLD.address2, OLD.city, OLD.region, OLD.zip,
    OLD.country, OLD.metadata, OLD.known_at)
))
EXECUTE FUNCTION customers_before_update();
--> statement-breakpoint
-- Everything of one customer moves to the other, who from then on knows the newest of what both knew. Waits for whoever
-- writes one of them or an order or a visit of theirs. Triggers update the most recent store as orders and visits move.
CREATE FUNCTION customers_merge(source text, target text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  from_row customers;
BEGIN
  PERFORM FROM customers WHERE id IN (source, target) ORDER BY id FOR UPDATE;
  SELECT * INTO from_row FROM customers WHERE id = source;
  UPDATE orders SET customer_id = target WHERE customer_id = source;
  INSERT INTO visits (customer_id, store_id, at)
  SELECT target, store_id, at FROM visits WHERE customer_id = source ON CONFLICT DO NOTHING;
  DELETE FROM customers WHERE id = source;
  UPDATE customers c SET email = m.email, phone_number = m.phone_number, first_name = m.first_name, last_name = m.last_name,
    address1 = m.address1, address2 = m.address2, city = m.city, region = m.region, zip = m.zip, country = m.country,
    metadata = m.metadata, field_times = m.field_times, known_at = greatest(c.known_at, from_row.known_at)
  FROM customers t, LATERAL customers_with_facts(t, customers_newest(customers_facts(from_row), customers_facts(t))) AS m
  WHERE c.id = target AND t.id = target;
END $$;
--> statement-breakpoint
-- An order keeps what was left out of what its transaction said of its customer, until the customer is erased. REST changes the
-- digest when an order is recorded again with other content.
CREATE FUNCTION orders_keep_warnings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.erased_at IS NOT NULL THEN
    NEW.warnings := '[]';
  ELSE
    NEW.warnings := coalesce(
      (SELECT warnings FROM customers WHERE id = NEW.customer_id AND updated_at = now()::timestamptz(3)), NEW.warnings);
  END IF;
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER keep_warnings BEFORE INSERT OR UPDATE OF erased_at, digest ON orders FOR EACH ROW EXECUTE FUNCTION orders_keep_warnings();
--> statement-breakpoint
-- So that a message shows them before it is sent.
CREATE FUNCTION outbox_take_warnings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.warnings := NEW.warnings || coalesce(
    CASE WHEN NEW.order_id IS NULL THEN (SELECT warnings FROM customers WHERE id = NEW.customer_id)
      ELSE (SELECT warnings FROM orders WHERE id = NEW.order_id) END, '[]');
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER take_warnings BEFORE INSERT ON outbox FOR EACH ROW
WHEN (NEW.metric IN ('placed_order', 'returned_order', 'profile')) EXECUTE FUNCTION outbox_take_warnings();
