// SPDX-License-Identifier: Apache-2.0
package io.tripla.bridge;

import java.io.IOException;
import java.lang.reflect.Proxy;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.util.AwaitToRun;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How a server is closed. */
@Timeout(60)
class ServerEndTest {
  private final ReentrantLock lock = new ReentrantLock();
  private final CountDownLatch evicts = new CountDownLatch(1);
  private final AwaitToRun eviction = new AwaitToRun("log", this::evict).start();

  private void evict() {
    evicts.countDown();
    lock.lock();
    lock.unlock();
  }

  /** As SegmentedRaftLog does it, while the other thread wants the lock. */
  private void closeLog() {
    lock.lock();
    try {
      eviction.signal();
      evicts.await();
      eviction.close();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    } finally {
      lock.unlock();
    }
  }

  private Object closeServer() throws InterruptedException {
    Thread closer = new Thread(this::closeLog, "n1-impl-thread1");
    closer.setDaemon(true);
    closer.start();
    closer.join();
    return null;
  }

  @Test
  void twoThreadsOfRatisThatWaitForEachOtherDoNotKeepItFromEnding() throws IOException {
    ServerEnd.close(
        (RaftServer)
            Proxy.newProxyInstance(
                getClass().getClassLoader(),
                new Class<?>[] {RaftServer.class},
                (proxy, method, arguments) ->
                    method.getName().equals("close") ? closeServer() : RaftPeerId.valueOf("n1")));
  }
}
