-- The tables that the floor of the pipeline benchmarks writes, as they were in revision 5990af3: columns, keys, foreign
-- keys and indexes. Frozen, so that the ruler stays the same while the schema of the product changes. Made by pg_dump.

CREATE TABLE asset (
    id uuid NOT NULL,
    title text NOT NULL,
    title_by_hand boolean DEFAULT false NOT NULL,
    external_id text,
    type character varying(40) DEFAULT 'ASSET'::character varying NOT NULL,
    status character varying(40) DEFAULT 'ACTIVE'::character varying NOT NULL,
    is_online boolean DEFAULT true NOT NULL,
    island_id bigint,
    merged_into uuid,
    created_by_user uuid,
    date_created timestamp with time zone DEFAULT now() NOT NULL,
    date_modified timestamp with time zone DEFAULT now() NOT NULL,
    date_deleted timestamp with time zone,
    updated_by_user uuid,
    deleted_by_user uuid,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT ck_asset_assetstatus CHECK (((status)::text = ANY ((ARRAY['ACTIVE'::character varying, 'DELETED'::character varying])::text[]))),
    CONSTRAINT ck_asset_assettype CHECK (((type)::text = ANY ((ARRAY['ASSET'::character varying, 'CUSTOM'::character varying, 'LINK'::character varying, 'NLE_PROJECT'::character varying, 'PLACEHOLDER'::character varying, 'SEQUENCE'::character varying, 'SUBCLIP'::character varying])::text[])))
);
CREATE TABLE component (
    id uuid NOT NULL,
    format_id uuid NOT NULL,
    file_set_id uuid,
    name text NOT NULL,
    type character varying(40) NOT NULL,
    language text,
    flags text[] DEFAULT '{}'::text[] NOT NULL,
    media jsonb DEFAULT '{}'::jsonb NOT NULL,
    from_header boolean DEFAULT false NOT NULL,
    CONSTRAINT ck_component_componenttype CHECK (((type)::text = ANY ((ARRAY['AUDIO'::character varying, 'EXIF'::character varying, 'GENERAL'::character varying, 'IMAGE'::character varying, 'IPTC'::character varying, 'MANIFEST'::character varying, 'NON_MEDIA'::character varying, 'OTHER'::character varying, 'TEXT'::character varying, 'VIDEO'::character varying, 'XMP'::character varying])::text[])))
);
CREATE TABLE file (
    id uuid NOT NULL,
    folder_id bigint NOT NULL,
    name bytea NOT NULL,
    size bigint NOT NULL,
    mtime_ns bigint NOT NULL,
    device bigint NOT NULL,
    inode bigint NOT NULL,
    status character varying(40) NOT NULL,
    seen bigint NOT NULL,
    content_seen bigint NOT NULL,
    suspected_at timestamp with time zone,
    media_class text NOT NULL,
    bucket bytea,
    frame bigint,
    width smallint DEFAULT '0'::smallint NOT NULL,
    padded boolean DEFAULT false NOT NULL,
    checksum text,
    date_created timestamp with time zone DEFAULT now() NOT NULL,
    date_modified timestamp with time zone DEFAULT now() NOT NULL,
    digest bytea,
    CONSTRAINT ck_file_filestatus CHECK (((status)::text = ANY ((ARRAY['OPEN'::character varying, 'GROWING'::character varying, 'AWAITED'::character varying, 'CLOSED'::character varying, 'FAILED'::character varying, 'MISSING'::character varying, 'REDISCOVERED'::character varying, 'DELETED'::character varying])::text[])))
);
CREATE TABLE file_set (
    id uuid NOT NULL,
    asset_id uuid NOT NULL,
    format_id uuid NOT NULL,
    version_id uuid NOT NULL,
    storage_id uuid,
    island_id bigint,
    label text DEFAULT ''::text NOT NULL,
    name text NOT NULL,
    base_dir text DEFAULT ''::text NOT NULL,
    type character varying(40) DEFAULT 'REGULAR'::character varying NOT NULL,
    status character varying(40) DEFAULT 'ACTIVE'::character varying NOT NULL,
    file_count integer DEFAULT 0 NOT NULL,
    size_bytes bigint DEFAULT '0'::bigint NOT NULL,
    names text DEFAULT ''::text NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    told_count integer DEFAULT 0 NOT NULL,
    untold_changes integer DEFAULT 0 NOT NULL,
    changed_at timestamp with time zone,
    bucket_folder_id bigint,
    bucket_key bytea,
    first_frame bigint,
    last_frame bigint,
    frame_step bigint,
    padding smallint,
    frames text,
    missing_frames integer DEFAULT 0 NOT NULL,
    missing text DEFAULT ''::text NOT NULL,
    empty_frames text DEFAULT ''::text NOT NULL,
    date_created timestamp with time zone DEFAULT now() NOT NULL,
    date_modified timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_file_set_filesetstatus CHECK (((status)::text = ANY ((ARRAY['ACTIVE'::character varying, 'ARCHIVED'::character varying, 'DELETED'::character varying])::text[]))),
    CONSTRAINT ck_file_set_filesettype CHECK (((type)::text = ANY ((ARRAY['REGULAR'::character varying, 'MANY_FILES'::character varying])::text[])))
);
CREATE TABLE file_set_file (
    file_id uuid NOT NULL,
    file_set_id uuid NOT NULL,
    counted_bytes bigint DEFAULT '0'::bigint NOT NULL
);
CREATE TABLE folder (
    id bigint NOT NULL,
    storage_id uuid NOT NULL,
    parent_id bigint,
    name bytea NOT NULL,
    island_id bigint,
    digest bytea,
    error text
);
ALTER TABLE folder ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME folder_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE format (
    id uuid NOT NULL,
    asset_id uuid NOT NULL,
    version_id uuid NOT NULL,
    name text NOT NULL,
    role character varying(40) NOT NULL,
    structure text NOT NULL,
    rule text DEFAULT ''::text NOT NULL,
    is_online boolean DEFAULT true NOT NULL,
    warnings text[] DEFAULT '{}'::text[] NOT NULL,
    media jsonb DEFAULT '{}'::jsonb NOT NULL,
    date_created timestamp with time zone DEFAULT now() NOT NULL,
    date_modified timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_format_formatrole CHECK (((role)::text = ANY ((ARRAY['original'::character varying, 'transcode'::character varying, 'sidecar'::character varying])::text[])))
);
CREATE TABLE history (
    id uuid NOT NULL,
    asset_id uuid NOT NULL,
    version_id uuid NOT NULL,
    operation_type character varying(40) NOT NULL,
    operation_description text NOT NULL,
    operation_id uuid,
    actor text NOT NULL,
    user_id uuid,
    job_id uuid,
    share_id uuid,
    share_user_id uuid,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    date_created timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_history_operation CHECK (((operation_type)::text = ANY ((ARRAY['ADD_FORMAT'::character varying, 'ANALYZE'::character varying, 'APPROVE'::character varying, 'ARCHIVE'::character varying, 'CUSTOM'::character varying, 'DELETE'::character varying, 'DELETE_FILE'::character varying, 'DELETE_FILESET'::character varying, 'DELETE_FORMAT'::character varying, 'DOWNLOAD'::character varying, 'EXPORT'::character varying, 'FACE_RECOGNITION'::character varying, 'METADATA'::character varying, 'MODIFY_FILESET'::character varying, 'PUBLISH'::character varying, 'PUBLISH_SAVE_DRAFT'::character varying, 'PUBLISH_SCHEDULED'::character varying, 'REJECT'::character varying, 'RESTORE'::character varying, 'RESTORE_ARCHIVE'::character varying, 'RESTORE_FILESET'::character varying, 'RESTORE_FORMAT'::character varying, 'RESTORE_FROM_GLACIER'::character varying, 'TRANSCODE'::character varying, 'TRANSCRIPTION'::character varying, 'TRANSFER'::character varying, 'UNLINK_SUBCLIP'::character varying, 'VERSION_CREATE'::character varying, 'VERSION_DELETE'::character varying, 'VERSION_PROMOTE'::character varying, 'VERSION_UPDATE'::character varying])::text[])))
);
CREATE TABLE island (
    id bigint NOT NULL,
    storage_id uuid NOT NULL,
    folder_id bigint NOT NULL,
    seen bigint DEFAULT '0'::bigint NOT NULL,
    done bigint DEFAULT '0'::bigint NOT NULL,
    epoch bigint DEFAULT '0'::bigint NOT NULL,
    arrived bigint DEFAULT '0'::bigint NOT NULL,
    stale_summaries boolean DEFAULT false NOT NULL,
    dirty_since timestamp with time zone,
    touched_at timestamp with time zone,
    wait_until timestamp with time zone,
    handed_until timestamp with time zone,
    lease_owner text,
    lease_until timestamp with time zone,
    attempt integer DEFAULT 0 NOT NULL,
    crashes integer DEFAULT 0 NOT NULL,
    error text,
    parked_at timestamp with time zone,
    rules_version integer,
    profile_revision integer,
    trace text
);
ALTER TABLE island ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME island_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE search_document (
    object_type text NOT NULL,
    object_id uuid NOT NULL,
    revision bigint NOT NULL,
    deleted boolean DEFAULT false NOT NULL,
    title text NOT NULL,
    title_key text NOT NULL COLLATE pg_catalog."C",
    date_created timestamp with time zone NOT NULL,
    tokens tsvector NOT NULL,
    terms jsonb NOT NULL,
    readers text[] NOT NULL,
    body jsonb NOT NULL
);
CREATE TABLE storage (
    id uuid NOT NULL,
    name text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    method text DEFAULT 'FILE'::text NOT NULL,
    purpose text DEFAULT 'FILES'::text NOT NULL,
    root bytea NOT NULL,
    settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    profile jsonb DEFAULT '{}'::jsonb NOT NULL,
    profile_revision integer DEFAULT 1 NOT NULL,
    owner_id uuid,
    date_created timestamp with time zone DEFAULT now() NOT NULL,
    date_modified timestamp with time zone DEFAULT now() NOT NULL,
    scan_requested_at timestamp with time zone,
    accept_requested_at timestamp with time zone,
    status character varying(40) DEFAULT 'ACTIVE'::character varying NOT NULL,
    status_message text DEFAULT ''::text NOT NULL,
    frozen_reason text,
    root_device bigint,
    root_inode bigint,
    watcher_seen_at timestamp with time zone,
    scan_started_at timestamp with time zone,
    last_scanned timestamp with time zone,
    scan_seconds double precision DEFAULT '0'::double precision NOT NULL,
    scan_entries bigint DEFAULT '0'::bigint NOT NULL,
    scan_expected bigint DEFAULT '0'::bigint NOT NULL,
    unsettled bigint DEFAULT '0'::bigint NOT NULL,
    events_lost bigint DEFAULT '0'::bigint NOT NULL,
    CONSTRAINT ck_storage_storagestatus CHECK (((status)::text = ANY ((ARRAY['ACTIVE'::character varying, 'FAILING'::character varying, 'INACTIVE'::character varying])::text[])))
);
ALTER TABLE ONLY asset
    ADD CONSTRAINT pk_asset PRIMARY KEY (id);
ALTER TABLE ONLY component
    ADD CONSTRAINT pk_component PRIMARY KEY (id);
ALTER TABLE ONLY file
    ADD CONSTRAINT pk_file PRIMARY KEY (id);
ALTER TABLE ONLY file_set
    ADD CONSTRAINT pk_file_set PRIMARY KEY (id);
ALTER TABLE ONLY file_set_file
    ADD CONSTRAINT pk_file_set_file PRIMARY KEY (file_id);
ALTER TABLE ONLY folder
    ADD CONSTRAINT pk_folder PRIMARY KEY (id);
ALTER TABLE ONLY format
    ADD CONSTRAINT pk_format PRIMARY KEY (id);
ALTER TABLE ONLY history
    ADD CONSTRAINT pk_history PRIMARY KEY (id);
ALTER TABLE ONLY island
    ADD CONSTRAINT pk_island PRIMARY KEY (id);
ALTER TABLE ONLY search_document
    ADD CONSTRAINT pk_search_document PRIMARY KEY (object_type, object_id);
ALTER TABLE ONLY storage
    ADD CONSTRAINT pk_storage PRIMARY KEY (id);
ALTER TABLE ONLY file
    ADD CONSTRAINT uq_file_folder_id_name UNIQUE (folder_id, name);
ALTER TABLE ONLY folder
    ADD CONSTRAINT uq_folder_storage_id_parent_id_name UNIQUE NULLS NOT DISTINCT (storage_id, parent_id, name);
ALTER TABLE ONLY history
    ADD CONSTRAINT uq_history_operation_id UNIQUE (operation_id);
ALTER TABLE ONLY island
    ADD CONSTRAINT uq_island_folder_id UNIQUE (folder_id);
ALTER TABLE ONLY storage
    ADD CONSTRAINT uq_storage_name UNIQUE (name);
ALTER TABLE ONLY storage
    ADD CONSTRAINT uq_storage_root UNIQUE (root);
CREATE INDEX ix_asset_deleted ON asset USING btree (date_deleted) WHERE ((status)::text = 'DELETED'::text);
CREATE INDEX ix_asset_external_id ON asset USING btree (external_id) WHERE (external_id IS NOT NULL);
CREATE INDEX ix_asset_island_id ON asset USING btree (island_id) WHERE (island_id IS NOT NULL);
CREATE INDEX ix_asset_merged_into ON asset USING btree (merged_into) WHERE (merged_into IS NOT NULL);
CREATE INDEX ix_component_file_set_id ON component USING btree (file_set_id);
CREATE INDEX ix_component_format_id ON component USING btree (format_id);
CREATE INDEX ix_component_missing_clips ON component USING btree (file_set_id) WHERE (from_header AND (media ? 'missing_clips'::text));
CREATE INDEX ix_file_coarse ON file USING btree (mtime_ns, size, name) WHERE ((mtime_ns % (1000000)::bigint) = 0);
CREATE INDEX ix_file_folder_id_seen ON file USING btree (folder_id, seen);
CREATE INDEX ix_file_inode ON file USING btree (inode);
CREATE INDEX ix_file_set_asset_id ON file_set USING btree (asset_id);
CREATE INDEX ix_file_set_file_file_set_id ON file_set_file USING btree (file_set_id);
CREATE INDEX ix_file_set_format_id ON file_set USING btree (format_id);
CREATE INDEX ix_file_set_island_id ON file_set USING btree (island_id);
CREATE INDEX ix_file_set_storage_id ON file_set USING btree (storage_id);
CREATE INDEX ix_file_suspected ON file USING btree (suspected_at) WHERE (suspected_at IS NOT NULL);
CREATE INDEX ix_file_unfinished ON file USING btree (status) WHERE ((status)::text <> 'CLOSED'::text);
CREATE INDEX ix_folder_island_id ON folder USING btree (island_id);
CREATE INDEX ix_folder_parent_id ON folder USING btree (parent_id);
CREATE INDEX ix_format_asset_id ON format USING btree (asset_id);
CREATE INDEX ix_history_asset_id_id ON history USING btree (asset_id, id);
CREATE INDEX ix_island_dirty ON island USING btree (storage_id, dirty_since) WHERE (dirty_since IS NOT NULL);
CREATE INDEX ix_island_waiting ON island USING btree (wait_until) WHERE (wait_until IS NOT NULL);
CREATE INDEX ix_search_document_date_created ON search_document USING btree (date_created, object_id) WHERE (NOT deleted);
CREATE INDEX ix_search_document_readers ON search_document USING gin (readers);
CREATE INDEX ix_search_document_terms ON search_document USING gin (terms jsonb_path_ops);
CREATE INDEX ix_search_document_tokens ON search_document USING gin (tokens);
ALTER TABLE ONLY asset
    ADD CONSTRAINT fk_asset_island_id_island FOREIGN KEY (island_id) REFERENCES island(id) ON DELETE SET NULL;
ALTER TABLE ONLY component
    ADD CONSTRAINT fk_component_file_set_id_file_set FOREIGN KEY (file_set_id) REFERENCES file_set(id) ON DELETE CASCADE;
ALTER TABLE ONLY component
    ADD CONSTRAINT fk_component_format_id_format FOREIGN KEY (format_id) REFERENCES format(id) ON DELETE CASCADE;
ALTER TABLE ONLY file
    ADD CONSTRAINT fk_file_folder_id_folder FOREIGN KEY (folder_id) REFERENCES folder(id) ON DELETE CASCADE;
ALTER TABLE ONLY file_set
    ADD CONSTRAINT fk_file_set_asset_id_asset FOREIGN KEY (asset_id) REFERENCES asset(id) ON DELETE CASCADE;
ALTER TABLE ONLY file_set_file
    ADD CONSTRAINT fk_file_set_file_file_id_file FOREIGN KEY (file_id) REFERENCES file(id) ON DELETE CASCADE;
ALTER TABLE ONLY file_set_file
    ADD CONSTRAINT fk_file_set_file_file_set_id_file_set FOREIGN KEY (file_set_id) REFERENCES file_set(id) ON DELETE CASCADE;
ALTER TABLE ONLY file_set
    ADD CONSTRAINT fk_file_set_format_id_format FOREIGN KEY (format_id) REFERENCES format(id) ON DELETE CASCADE;
ALTER TABLE ONLY file_set
    ADD CONSTRAINT fk_file_set_island_id_island FOREIGN KEY (island_id) REFERENCES island(id) ON DELETE SET NULL;
ALTER TABLE ONLY file_set
    ADD CONSTRAINT fk_file_set_storage_id_storage FOREIGN KEY (storage_id) REFERENCES storage(id) ON DELETE CASCADE;
ALTER TABLE ONLY folder
    ADD CONSTRAINT fk_folder_island_id_island FOREIGN KEY (island_id) REFERENCES island(id) ON DELETE SET NULL;
ALTER TABLE ONLY folder
    ADD CONSTRAINT fk_folder_parent_id_folder FOREIGN KEY (parent_id) REFERENCES folder(id) ON DELETE CASCADE;
ALTER TABLE ONLY folder
    ADD CONSTRAINT fk_folder_storage_id_storage FOREIGN KEY (storage_id) REFERENCES storage(id) ON DELETE CASCADE;
ALTER TABLE ONLY format
    ADD CONSTRAINT fk_format_asset_id_asset FOREIGN KEY (asset_id) REFERENCES asset(id) ON DELETE CASCADE;
ALTER TABLE ONLY island
    ADD CONSTRAINT fk_island_folder_id_folder FOREIGN KEY (folder_id) REFERENCES folder(id) ON DELETE CASCADE;
ALTER TABLE ONLY island
    ADD CONSTRAINT fk_island_storage_id_storage FOREIGN KEY (storage_id) REFERENCES storage(id) ON DELETE CASCADE;
