// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.File;
import java.util.List;
import org.apache.ratis.conf.RaftProperties;
import org.apache.ratis.server.RaftServerConfigKeys;

/** How Ratis is set, and why where it differs from its defaults. */
final class Properties {
  private Properties() {}

  static RaftProperties of(File logDirectory, int entryBytesMax) {
    RaftProperties p = new RaftProperties();
    RaftServerConfigKeys.setStorageDir(p, List.of(logDirectory));
    p.set("raft.rpc.type", SocketRpcType.class.getName());
    setTimes(p);
    setLog(p, entryBytesMax, segmentBytes(logDirectory));

    // Images are written when the server says so; Ratis only sends them.
    p.set("raft.server.snapshot.auto.trigger.enabled", "false");
    p.set("raft.server.log.appender.snapshot.chunk.size.max", "1MB");

    // Ids of requests live in the state machine; this only bounds memory.
    p.set("raft.server.retrycache.expirytime", "5s");
    p.set("raft.server.write.byte-limit", "1GB");
    return p;
  }

  private static void setTimes(RaftProperties p) {
    // Long enough for pauses on a busy machine, short enough for a new leader within two seconds.
    p.set("raft.server.rpc.timeout.min", Candidacy.PATIENCE_MIN.toMillis() + "ms");
    p.set("raft.server.rpc.timeout.max", Candidacy.PATIENCE_MAX.toMillis() + "ms");
    p.set("raft.server.rpc.first-election.timeout.min", "200ms");
    p.set("raft.server.rpc.first-election.timeout.max", "400ms");
    // After losing its followers a leader would not stand again for 10 s, though it may have to.
    p.set("raft.server.leaderelection.leader.step-down.wait-time", "2s");
    // A debugger or a paused machine is no reason to end.
    p.set("raft.server.close.threshold", "1h");
  }

  /** 16 MB, or less on a disk below 1 GB: only whole segments are removed. */
  private static long segmentBytes(File logDirectory) {
    long mb = logDirectory.getTotalSpace() / 64 >> 20;
    return Math.max(1, Math.min(16, mb)) << 20;
  }

  private static void setLog(RaftProperties p, int entryBytesMax, long segmentBytes) {
    p.set("raft.server.log.appender.buffer.byte-limit", entryBytesMax + "B");
    // What may stand behind a page that a power cut has left out (kOnTheirWayMax in segments.cc).
    p.set("raft.server.log.appender.buffer.element-limit", "8");
    p.set("raft.server.log.write.buffer.size", entryBytesMax + 64 + "B");
    p.set("raft.server.log.queue.byte-limit", "1GB");
    p.set("raft.server.log.segment.size.max", segmentBytes + "B");
    p.set("raft.server.log.preallocated.size", LogRoom.AHEAD_BYTES + "B");
    p.set("raft.server.log.segment.cache.num.max", "2");
    p.set("raft.server.log.segment.cache.size.max", "32MB");
    p.set("raft.server.log.purge.gap", "1");
    // Else an entry of its own, and a sync, follows each commit.
    p.set("raft.server.log.log-metadata.enabled", "false");
    // Composed appends are slower, and one can be answered for another of the same start.
    p.set("raft.server.log.append-entries.compose.enabled", "false");
    // Else the sender sleeps between two messages.
    p.set("raft.server.log.appender.wait-time.min", "0ms");
  }
}
