"""The Cloud Storage of the cloud on a laptop: the JSON API over files, with honest preconditions.

This is the landing zone, the stage and the ledger of the pipeline, in place of Cloud Storage. It
exists because the ledger rests on generation preconditions, which no emulator that installs with
pip keeps. Google's client reaches it through `STORAGE_EMULATOR_HOST`; `python -m local.gcs` starts
it. From the wire inwards: `server` owns the sockets and the injected faults, `routes` finds the
handler, `object_api`, `upload_api`, `download_api` and `bucket_api` speak the JSON API, `objects`
decides (every precondition is checked in the transaction that commits), `database` and `contents`
keep: SQLite for what is known of an object, one file for its bytes.

An acknowledged write survives `kill -9` of the emulator, a half-written one never shows. A loss of
power is another matter: nothing is synced to the disk.

What it does not do:

* No authentication, no IAM, no ACLs, no signed URLs: every caller may do everything;
  `predefinedAcl` and `projection` are ignored. Customer-supplied encryption keys are refused (501).
* No XML and no gRPC API; so no `transfer_manager.upload_chunks_concurrently`.
* No retention policies, soft delete, lifecycle actions, folders, HMAC keys, Pub/Sub permission
  checks or "one write per second and object" limit. Bucket settings for these are stored, without
  effect.
* `fields` is ignored (the whole resource comes back), and so is the media type of a patch.
* Everything is strongly consistent at once; the real service caches public objects and takes up to
  30 seconds to follow a change of bucket settings.
* Notifications are sent after the commit from memory: those not yet sent when the emulator dies are
  lost. The real service sends each at least once.
* A rewrite within one location and storage class is a link, done in one call. Between two of them
  it takes one call for every 16 MiB, so that callers meet the token; the real service does far
  more per call.
* `matchGlob` is applied to object names, before they are folded into prefixes.
"""
