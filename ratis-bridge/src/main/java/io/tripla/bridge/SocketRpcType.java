// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.File;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.UUID;
import java.util.function.LongConsumer;
import java.util.function.LongPredicate;
import java.util.function.LongSupplier;
import javax.net.ServerSocketFactory;
import javax.net.SocketFactory;
import org.apache.ratis.conf.Parameters;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotRequestProto.SnapshotChunkProto;
import org.apache.ratis.rpc.RpcFactory;
import org.apache.ratis.rpc.RpcType;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.RaftServerRpc;
import org.apache.ratis.server.ServerFactory;

/** What {@code raft.rpc.type} names so that Ratis speaks through {@link SocketRpc}. */
public final class SocketRpcType implements RpcType {
  /** Is told of the images that other nodes send. */
  interface Installs {
    /** Another node begins to send one. An error: not now, it shall begin again. */
    void begin() throws IOException;

    /** A piece has come, in its turn. An error: the image is no good, and must not go on. */
    void check(SnapshotChunkProto piece) throws IOException;

    /** All of it was sent, but could not be put in force. */
    void failed();
  }

  /** Where this node's vote is written. */
  interface VoteFile {
    /** Makes sure that the file holds this vote. After an error it must not be told. */
    void ensure(long term, String candidate) throws IOException;
  }

  /** Makes everything durable that this node has written so far. */
  interface Durable {
    /** After an error nothing of it may be told. */
    void await() throws IOException;
  }

  /**
   * What the transport must know, given to Ratis as a parameter. {@code votesFrom}: it takes part in no
   * election before its log has reached this place; 0 for none. {@code disk}: the directory of the log.
   * {@code frameBytesMax}: of a message that it takes; {@code saidFrameBytesMax}: what it says in its
   * greeting, because versions from before take part only with nodes that say the same.
   * {@code entryRoom}: whether entries of so many bytes may be added to the log.
   * {@code outgoing}: is told of the images that this node sends.
   * {@code durable}: makes durable what a message tells, before it is sent.
   * {@code voteFile}: makes sure that this node's vote is written.
   * {@code identities}: which directories of the others it exchanges anything with.
   * {@code laterTerm}: is told of a term that another node knows and that is later than this leader's.
   * {@code clock}: nanoseconds, as System.nanoTime(), of the promises. The factories are where TLS will
   * come in: an SSLSocket is a Socket.
   */
  record Settings(
      UUID cluster,
      String node,
      InetSocketAddress address,
      int frameBytesMax,
      int saidFrameBytesMax,
      Lease lease,
      AckRound acks,
      LongSupplier clock,
      long votesFrom,
      LongConsumer laterTerm,
      Installs installs,
      OutgoingImages outgoing,
      File disk,
      LongPredicate entryRoom,
      Durable durable,
      VoteFile voteFile,
      Identities identities,
      SocketFactory sockets,
      ServerSocketFactory serverSockets) {
    Parameters toParameters() {
      Parameters parameters = new Parameters();
      parameters.put(Settings.class.getName(), this, Settings.class);
      return parameters;
    }
  }

  @Override
  public String name() {
    return "TRIPLA";
  }

  @Override
  public RpcFactory newFactory(Parameters parameters) {
    return new Factory(parameters.getNonNull(Settings.class.getName(), Settings.class));
  }

  private final class Factory implements ServerFactory {
    private final Settings settings;

    Factory(Settings settings) {
      this.settings = settings;
    }

    @Override
    public RaftServerRpc newRaftServerRpc(RaftServer server) {
      return new SocketRpc(server, SocketRpcType.this, settings);
    }

    @Override
    public RpcType getRpcType() {
      return SocketRpcType.this;
    }
  }
}
