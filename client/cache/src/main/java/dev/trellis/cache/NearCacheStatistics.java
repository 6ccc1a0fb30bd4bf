package dev.trellis.cache;

/// What a near cache has done since it was made, and what it has now. The numbers are taken one
/// after the other, while others may read.
///
/// @param hits reads that the cache answered
/// @param negativeHits of these, those that found the key, or the field, to be missing
/// @param misses reads that went to the store, though the cache may answer such reads
/// @param staleMisses of these, those whose key was there, but not fresh enough
/// @param evictions entries that had to make room for others
/// @param entries keys that are there now, missing ones included
/// @param bytes that these take, as estimated
/// @param subscriptions keys whose shards tell of changes now
/// @param pushes states that they have told
public record NearCacheStatistics(
    long hits,
    long negativeHits,
    long misses,
    long staleMisses,
    long evictions,
    long entries,
    long bytes,
    int subscriptions,
    long pushes) {}
