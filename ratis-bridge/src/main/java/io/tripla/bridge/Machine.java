// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongPredicate;
import org.apache.ratis.proto.RaftProtos.FileChunkProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotRequestProto.SnapshotChunkProto;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.protocol.RaftClientRequest;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftGroupMemberId;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.statemachine.StateMachineStorage;
import org.apache.ratis.statemachine.TransactionContext;
import org.apache.ratis.statemachine.impl.BaseStateMachine;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.util.LifeCycle;

/** Hands each entry of the log to C++, in order. Ratis applies on one thread. */
final class Machine extends BaseStateMachine implements SocketRpcType.Installs {
  private static final int KEPT_BYTES_MAX = 1 << 20;
  private static final CompletableFuture<Message> APPLIED =
      CompletableFuture.completedFuture(Message.EMPTY);
  private static final Logger LOG = System.getLogger(Machine.class.getName());

  /** Shorter than a leader's patience with a follower. */
  private static final Duration INSTALL_TIME = Duration.ofMillis(800);

  private static final long RETRY_MS = 100;

  private final long log;
  private final SocketRpcType.Durable durable;
  private final Images images;
  private final Path image;
  private final TermIndex imagePlace;
  private ByteBuffer kept = ByteBuffer.allocateDirect(64 << 10);
  private volatile boolean closing;
  private String refusal; // why the last image that was no good was refused

  /** Batches of this process that are in the log, or about to be, and not answered. */
  private final Set<Long> appended = ConcurrentHashMap.newKeySet();

  /**
   * @param durable is awaited before an entry is applied, and so before clients hear of it
   * @param isBeingSent whether the image of this index is on its way to another node
   * @param image what the server has begun with, or null
   */
  Machine(
      long log,
      SocketRpcType.Durable durable,
      LongPredicate isBeingSent,
      Path image,
      TermIndex imagePlace) {
    this.log = log;
    this.images = new Images(INSTALL_TIME, isBeingSent);
    this.durable = durable;
    this.image = image;
    this.imagePlace = imagePlace;
  }

  /** From now on this is the image in force. */
  void setImage(Path path, TermIndex place) throws IOException {
    images.set(path, place);
  }

  @Override
  public void begin() throws IOException {
    images.awaitInstalled();
    images.removeIncoming();
  }

  @Override
  public void check(SnapshotChunkProto piece) throws IOException {
    for (FileChunkProto chunk : piece.getFileChunksList()) {
      String why =
          Native.checkPiece(
              log,
              piece.getTermIndex().getIndex(),
              piece.getTotalSize(),
              chunk.getOffset(),
              chunk.getData().toByteArray());
      if (why != null) {
        if (!why.equals(refusal)) {
          LOG.log(Level.WARNING, "an image that the leader sends is refused: " + why);
        }
        refusal = why;
        throw new IOException(why);
      }
    }
  }

  /** Forgets the image, unless it is in sm/ already: then Ratis goes on and installs it. */
  @Override
  public void failed() {
    if (images.hasInstallFailed()) {
      Native.releaseImages(log);
      getLifeCycle().startAndTransition(() -> {});
      images.abandonInstall();
    }
  }

  /** From now on Ratis may close this; before, that ends the process. */
  void expectClose() {
    closing = true;
  }

  @Override
  public void initialize(RaftServer server, RaftGroupId group, RaftStorage storage)
      throws IOException {
    super.initialize(server, group, storage);
    images.init(storage);
    if (image != null) {
      setImage(image, imagePlace);
      setLastAppliedTermIndex(imagePlace);
    }
    getLifeCycle().startAndTransition(() -> {});
  }

  @Override
  public TransactionContext startTransaction(RaftClientRequest request) {
    return TransactionContext.newBuilder()
        .setStateMachine(this)
        .setClientRequest(request)
        .setStateMachineContext(request.getCallId())
        .build();
  }

  /** Called before an entry is appended; not for one that is refused before that. */
  @Override
  public TransactionContext preAppendTransaction(TransactionContext transaction) {
    appended.add((Long) transaction.getStateMachineContext());
    return transaction;
  }

  /** Whether a batch was appended; asked once, when Ratis has done with it. */
  boolean forgetAppended(long batch) {
    return appended.remove(batch);
  }

  @Override
  public CompletableFuture<Message> applyTransaction(TransactionContext transaction) {
    LogEntryProto entry = transaction.getLogEntry();
    long term = entry.getTerm();
    long index = entry.getIndex();
    Object batch = transaction.getStateMachineContext();
    awaitDurable();
    if (batch == null || !Native.applySubmitted(log, (Long) batch, term, index)) {
      ByteString bytes = entry.getStateMachineLogEntry().getLogData();
      Native.apply(log, term, index, toDirect(bytes), bytes.size());
    }
    updateLastAppliedTermIndex(term, index);
    return APPLIED;
  }

  /** As long as no descriptor is left, nothing is applied. */
  private void awaitDurable() {
    boolean said = false;
    while (true) {
      try {
        durable.await();
        return;
      } catch (IOException e) {
        if (!said) {
          said = true;
          LOG.log(Level.WARNING, "entries are not applied: " + e.getMessage() + "; it is tried again");
        }
        pause(RETRY_MS);
      }
    }
  }

  private static void pause(long milliseconds) {
    try {
      Thread.sleep(milliseconds);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private ByteBuffer toDirect(ByteString bytes) {
    ByteBuffer buffer = kept;
    if (bytes.size() > buffer.capacity()) {
      buffer = ByteBuffer.allocateDirect(Math.max(bytes.size(), 2 * kept.capacity()));
      if (buffer.capacity() <= KEPT_BYTES_MAX) {
        kept = buffer;
      }
    }
    buffer.clear();
    bytes.copyTo(buffer);
    return buffer;
  }

  @Override
  public void notifyTermIndexUpdated(long term, long index) {
    super.notifyTermIndexUpdated(term, index);
    Native.skip(log, term, index);
  }

  @Override
  public StateMachineStorage getStateMachineStorage() {
    return images;
  }

  /** A received image is about to be installed; {@link #reinitialize} follows. */
  @Override
  public void pause() {
    images.beginInstall();
    Native.holdImages(log);
    images.syncIncoming();
    LifeCycle life = getLifeCycle();
    if (life.compareAndTransition(LifeCycle.State.RUNNING, LifeCycle.State.PAUSING)) {
      life.transition(LifeCycle.State.PAUSED);
    }
  }

  @Override
  public void reinitialize() throws IOException {
    long[] termAndIndex = new long[2];
    Path installed = Path.of(Native.install(log, termAndIndex));
    TermIndex place = TermIndex.valueOf(termAndIndex[0], termAndIndex[1]);
    setLastAppliedTermIndex(place);
    getLifeCycle().startAndTransition(() -> {});
    images.endInstall(installed, place);
  }

  @Override
  public void notifyLeaderChanged(RaftGroupMemberId self, RaftPeerId leader) {
    boolean here = self.getPeerId().equals(leader);
    LOG.log(Level.INFO, here ? "this node leads" : leader + " leads");
  }

  @Override
  public void notifyLogFailed(Throwable cause, LogEntryProto entry) {
    if (LogRoom.isEnd(cause)) {
      return; // nothing of the entry was written
    }
    Native.die(
        "the log could not be written, so what it holds is unknown: " + cause
            + "; check the disk, then start the server again");
  }

  @Override
  public void close() {
    if (!closing) {
      Native.die("Ratis has closed this replica after an error; start the server again");
    }
  }
}
