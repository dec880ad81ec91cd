// SPDX-License-Identifier: Apache-2.0
package org.apache.ratis.server.raftlog.segmented;

import io.tripla.bridge.LogRoom;
import java.io.Closeable;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.thirdparty.com.google.protobuf.CodedOutputStream;
import org.apache.ratis.util.IOUtils;
import org.apache.ratis.util.Preconditions;
import org.apache.ratis.util.PureJavaCrc32C;

/**
 * A segment that is being written. It takes the place of Ratis's class (3.3.0), whose jar stands behind
 * this one in the class path, and writes the same bytes. The difference: where the disk has no room for
 * the zeros that go before an entry, it waits until there is some. Nothing of the entry was written then.
 * In Ratis that is the end of the log (docs/decisions/0025-full-disks-of-replicas.md).
 *
 * <p>One thread.
 */
public class SegmentedRaftLogOutputStream implements Closeable {
  private static final ByteBuffer ZEROS =
      ByteBuffer.allocateDirect(1 << 20).asReadOnlyBuffer(); // the terminator is 0
  private static final int CHECKSUM_BYTES = 4;

  private final File file;
  private final long segmentMaxSize;
  private final long preallocatedSize;
  private final BufferedWriteChannel out;
  private final PureJavaCrc32C checksum = new PureJavaCrc32C();

  public SegmentedRaftLogOutputStream(
      File file, boolean append, long segmentMaxSize, long preallocatedSize, ByteBuffer buffer)
      throws IOException {
    Preconditions.assertSame(0, SegmentedRaftLogFormat.getTerminator(), "terminator");
    this.file = file;
    this.segmentMaxSize = segmentMaxSize;
    this.preallocatedSize = preallocatedSize;
    out = LogRoom.await(file, 0, () -> BufferedWriteChannel.open(file, append, buffer));
    if (!append) {
      makeRoom(SegmentedRaftLogFormat.getHeaderLength());
      out.writeToChannel(SegmentedRaftLogFormat.getHeaderBytebuffer());
      out.flush();
    }
  }

  /** The size of the entry as a varint, the entry, and the checksum of both. */
  public void write(LogEntryProto entry) throws IOException {
    int size = entry.getSerializedSize();
    int checked = CodedOutputStream.computeUInt32SizeNoTag(size) + size;
    makeRoom(checked + CHECKSUM_BYTES);
    out.writeToBuffer(
        checked + CHECKSUM_BYTES,
        buffer -> {
          int begin = buffer.position();
          CodedOutputStream encoder = CodedOutputStream.newInstance(buffer);
          encoder.writeUInt32NoTag(size);
          entry.writeTo(encoder);
          encoder.flush();
          ByteBuffer written = buffer.duplicate();
          written.position(begin).limit(begin + checked);
          checksum.reset();
          checksum.update(written);
          buffer.position(begin + checked);
          buffer.putInt((int) checksum.getValue());
        });
  }

  private void makeRoom(long bytes) throws IOException {
    out.preallocateIfNecessary(
        bytes,
        (channel, needed) -> {
          long room = roomFor(needed, segmentMaxSize - channel.size());
          return LogRoom.await(file, room, () -> writeZeros(channel, room));
        });
  }

  /** As Ratis: zeros for a large entry alone, else as many as usual, up to the end of the segment. */
  private long roomFor(long needed, long leftInSegment) {
    return needed > leftInSegment || needed > preallocatedSize
        ? needed
        : Math.min(preallocatedSize, leftInSegment);
  }

  /** All of them, or none after an error. */
  private static long writeZeros(FileChannel channel, long bytes) throws IOException {
    long size = channel.size();
    try {
      return IOUtils.preallocate(channel, bytes, ZEROS);
    } catch (IOException e) {
      channel.truncate(size);
      throw e;
    }
  }

  public void flush() throws IOException {
    out.flush();
  }

  CompletableFuture<Void> asyncFlush(ExecutorService executor) throws IOException {
    return out.asyncFlush(executor);
  }

  @Override
  public void close() throws IOException {
    try (out) {
      flush();
    }
  }

  @Override
  public String toString() {
    return file.getName();
  }
}
