/**
 * What was asked of something that may never answer; it has `ms` milliseconds.
 *
 * @throws the error of `late` where it has not answered by then. An answer that comes afterwards is nobody's.
 */
export async function within<Answer>(
  ms: number,
  asked: Promise<Answer>,
  late: () => Error,
): Promise<Answer> {
  const { promise: missed, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late()), ms);
  try {
    return await Promise.race([asked, missed]);
  } finally {
    clearTimeout(timer);
  }
}
