// SPDX-License-Identifier: Apache-2.0
package org.apache.ratis.util;

import java.io.File;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Writes a file under another name and renames it when it is closed. It takes the place of Ratis's class
 * (3.3.0), whose jar stands behind this one in the class path. The difference: a file that could not be
 * written, for example on a full disk, is not renamed. Ratis would put an empty file in the place of the
 * one with the term and the vote, and the server would never start again. And each writer has a file of its
 * own: Ratis lets two threads write the same file at a time, an own candidacy and a vote for another, and
 * what one had renamed the other missed.
 *
 * <p>One thread.
 */
public final class AtomicFileOutputStream extends FilterOutputStream {
  public static final String TMP_EXTENSION = ".tmp";

  /** So that what crashes leave behind stays few. */
  private static final int NAMES = 8;

  private static final AtomicInteger lastName = new AtomicInteger();

  private final File file;
  private final File partial;
  private boolean failed;
  private boolean isWritten;
  private boolean closed;

  public static File getTemporaryFile(File file) {
    return new File(file.getParentFile(), file.getName() + TMP_EXTENSION);
  }

  public AtomicFileOutputStream(File file) throws IOException {
    this(file, nameOfItsOwn(file));
  }

  private static File nameOfItsOwn(File file) {
    int number = Math.floorMod(lastName.incrementAndGet(), NAMES);
    return new File(file.getParentFile(), file.getName() + "-" + number + TMP_EXTENSION);
  }

  public AtomicFileOutputStream(File file, File partial) throws IOException {
    super(
        FileUtils.newOutputStreamForceAtClose(
            partial,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE));
    this.file = file.getAbsoluteFile();
    this.partial = partial.getAbsoluteFile();
  }

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int offset, int size) throws IOException {
    boolean failedBefore = failed;
    failed = true; // unless it returns
    out.write(bytes, offset, size);
    failed = failedBefore;
    isWritten = true;
  }

  public boolean isClosed() {
    return closed;
  }

  @Override
  public void close() throws IOException {
    if (closed) {
      return;
    }
    closed = true;
    try {
      super.close();
      if (failed || !isWritten) {
        throw new IOException(partial + " could not be written");
      }
      FileUtils.move(partial, file, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException | RuntimeException e) {
      FileUtils.deleteIfExists(partial);
      throw e;
    }
  }

  /** Closes it and leaves the former file as it is. */
  public void abort() {
    failed = true;
    try {
      close();
    } catch (IOException expected) {
      // it is not there
    }
  }
}
