-- History and audit entries are append-only, for every program that has the database's password.

-- Refuse the statement. It runs before the statement, once for all its rows, so that a refused one costs nothing, and
-- it covers TRUNCATE, for which PostgreSQL has no row-level triggers.
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP;
END $$;
CREATE OR REPLACE TRIGGER history_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON history
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER audit_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
