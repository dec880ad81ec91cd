// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto.AppendResult;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;

/**
 * Entries that a follower does not take because its disk is full. It answers them as a heartbeat: it
 * follows, and its next index is what it was. So its leader keeps its lease, and the follower does not
 * stand for election. The leader then sends it heartbeats in the place of entries, and entries once a
 * second, until it takes them.
 *
 * <p>Any thread.
 */
final class RefusedEntries {
  private static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final LongSupplier clock;
  private final Map<String, Long> until = new ConcurrentHashMap<>();

  /** @param clock nanoseconds, as System.nanoTime() */
  RefusedEntries(LongSupplier clock) {
    this.clock = clock;
  }

  /** Whether this follower has refused entries lately, so that they are better not sent to it. */
  boolean isRefusing(String follower) {
    Long end = until.get(follower);
    return end != null && clock.getAsLong() - end < 0;
  }

  /** Notes what a follower has answered to entries. */
  void note(String follower, AppendEntriesRequestProto request, AppendEntriesReplyProto reply) {
    if (reply.getResult() == AppendResult.SUCCESS && reply.getNextIndex() == first(request)) {
      until.put(follower, clock.getAsLong() + RETRY_NANOS);
    } else {
      until.remove(follower);
    }
  }

  /** The same with the first entries only. */
  static AppendEntriesRequestProto reduce(AppendEntriesRequestProto request, int entries) {
    return request.toBuilder()
        .clearEntries()
        .addAllEntries(request.getEntriesList().subList(0, entries))
        .build();
  }

  /**
   * What is answered to a request with entries, of which none was taken.
   *
   * @param reply to the request without entries. Its next index is where the log ends, which proves
   *     nothing about entries that the leader has not compared.
   */
  static AppendEntriesReplyProto refuse(
      AppendEntriesRequestProto request, AppendEntriesReplyProto reply) {
    return reply.getResult() == AppendResult.SUCCESS
        ? reply.toBuilder().setNextIndex(first(request)).build()
        : reply;
  }

  private static long first(AppendEntriesRequestProto request) {
    return request.getEntries(0).getIndex();
  }
}
