// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;

/**
 * As many entries as are sent at once. Ratis's own limit must let the largest entry through that any node
 * may submit; so many bytes of small ones would not get through a slow link in the time for a message.
 */
final class Portion {
  static final int BYTES = 16 << 20;

  private Portion() {}

  /** The first entries of a request, at least one. The follower's answer says where to go on. */
  static AppendEntriesRequestProto of(AppendEntriesRequestProto request) {
    int count = 0;
    for (long bytes = 0; count < request.getEntriesCount(); ++count) {
      bytes += request.getEntries(count).getSerializedSize();
      if (count > 0 && bytes > BYTES) {
        return RefusedEntries.reduce(request, count);
      }
    }
    return request;
  }
}
