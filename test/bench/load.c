/*
 * Callers and an agent for measuring a bridge from outside: one thread on epoll, so that the load costs less than what it
 * measures. Every caller sends a 20 ms frame 50 times a second; the agent echoes the audio in groups of five, with pauses.
 * Frames are counted by their headers. Commands come on stdin, a line each; answers go to stdout:
 *
 *   open <n> <port> <path> <signature|-> <callId> <token|-> <callSid> <streamSid>   ->  ready <n> | failed <n> <why>
 *   join <n> <port> <path> <key>     hears a call (.../listen) or watches them all  ->  ready <n> | failed <n> <why>
 *   leave              all of them go                                               ->  (nothing)
 *   talk <every>       the agent tells what a caller said, every so many ms, 0 stops ->  (nothing)
 *   reset                                                                           ->  (nothing)
 *   figures                                                                         ->  figures <numbers, see there>
 *   close                                                                           ->  closed
 *
 * The first line it prints is `port <agent's port>`.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FRAME_MS = 20, GROUP = 5, FRAME_BYTES = 160, RING = 4096, MAX_CALLS = 4096, MAX_SAMPLES = 8 << 20, HELD = 1 << 17 };
/* The agent is silent for half a second in every five, as speech is. */
enum { CYCLE = 50, PAUSE = 5 };

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

/* ── Text ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void base64(const uint8_t *in, int length, char *out) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (int i = 0; i < length; i += 3) {
    uint32_t v = in[i] << 16 | (i + 1 < length ? in[i + 1] << 8 : 0) | (i + 2 < length ? in[i + 2] : 0);
    *out++ = digits[v >> 18];
    *out++ = digits[v >> 12 & 63];
    *out++ = i + 1 < length ? digits[v >> 6 & 63] : '=';
    *out++ = i + 2 < length ? digits[v & 63] : '=';
  }
  *out = 0;
}

static uint32_t rol(uint32_t v, int bits) { return v << bits | v >> (32 - bits); }

/* SHA-1 (RFC 3174) of at most 119 bytes: all that Sec-WebSocket-Accept asks for. */
static void sha1(const char *text, uint8_t out[20]) {
  uint8_t block[128] = {0};
  size_t length = strlen(text), blocks = length + 9 > 64 ? 2 : 1;
  memcpy(block, text, length);
  block[length] = 0x80;
  for (int i = 0; i < 8; i++) block[blocks * 64 - 1 - i] = (uint8_t)((uint64_t)length * 8 >> 8 * i);
  uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  for (size_t b = 0; b < blocks; b++) {
    uint32_t w[80];
    for (int i = 0; i < 16; i++) {
      uint8_t *p = block + b * 64 + i * 4;
      w[i] = (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
    }
    for (int i = 16; i < 80; i++) w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = h[0], c1 = h[1], c2 = h[2], c3 = h[3], e = h[4];
    for (int i = 0; i < 80; i++) {
      uint32_t f = i < 20 ? (c1 & c2) | (~c1 & c3) : i < 40 ? c1 ^ c2 ^ c3 : i < 60 ? (c1 & c2) | (c1 & c3) | (c2 & c3) : c1 ^ c2 ^ c3;
      uint32_t k = i < 20 ? 0x5a827999 : i < 40 ? 0x6ed9eba1 : i < 60 ? 0x8f1bbcdc : 0xca62c1d6;
      uint32_t t = rol(a, 5) + f + e + k + w[i];
      e = c3, c3 = c2, c2 = rol(c1, 30), c1 = a, a = t;
    }
    h[0] += a, h[1] += c1, h[2] += c2, h[3] += c3, h[4] += e;
  }
  for (int i = 0; i < 20; i++) out[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}

/* One WebSocket text frame; the mask of a client is zero: the bytes are ours and go to ourselves. */
static int text_frame(char *out, const char *text, int masked) {
  int length = (int)strlen(text), at = 0;
  out[at++] = (char)0x81;
  if (length < 126) out[at++] = (char)((masked ? 0x80 : 0) | length);
  else out[at++] = (char)((masked ? 0x80 : 0) | 126), out[at++] = (char)(length >> 8), out[at++] = (char)length;
  if (masked) memset(out + at, 0, 4), at += 4;
  memcpy(out + at, text, length);
  return at + length;
}

/* ── Calls and connections ─────────────────────────────────────────────────────────────────────────────────────────── */

struct call;
enum kind { STDIN, LISTENER, PHONE, AGENT, EAR, EYE };
struct link {
  enum kind kind;
  int fd, upgraded, gone;
  struct call *call;
  int held;            /* bytes of input that are no whole frame yet */
  char *in;
  char *out;           /* bytes that the kernel did not take yet */
  int out_length;
  int audio_length;
  int n;
};
struct call {
  int n, started, ended;
  char id[64], stream[64], *start_text;
  struct link *phone, *agent;
  double ready_at, sent_at[RING], group_at[RING], play_end;
  long sent, arrived, groups, heard_bytes, groups_heard;
  long base_sent, base_groups;
  char frame[1024];
  int frame_length;
};

static struct call *calls[MAX_CALLS];
static int call_count;
static int poller;
static char echo[4096];
static int echo_length;
static char payload[512];
static int measuring;
static float *up, *down, *heard;
static int ups, downs, heards, late, talk_every;
static int payload_bytes[1 << 16];
static long heard_by_ears;

static void drop(struct link *l) {
  if (l->gone) return;
  l->gone = 1;
  close(l->fd);
  if (l->call && l->call->phone == l) l->call->phone = NULL;
  if (l->call && l->call->agent == l) l->call->agent = NULL;
  free(l->in), free(l->out);
  l->in = l->out = NULL;
}

static void watch(struct link *l, uint32_t events, int op) {
  struct epoll_event e = {.events = events, .data.ptr = l};
  if (epoll_ctl(poller, op, l->fd, &e) < 0) die("epoll_ctl");
}

static struct link *new_link(enum kind kind, int fd, uint32_t events) {
  struct link *l = calloc(1, sizeof *l);
  l->kind = kind, l->fd = fd;
  if (kind != STDIN && kind != LISTENER) {
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    l->in = malloc(HELD);
  }
  watch(l, events, EPOLL_CTL_ADD);
  return l;
}

static void put(struct link *l, const char *bytes, int length) {
  if (!l || l->gone) return;
  ssize_t done = 0;
  if (l->out_length == 0) {
    done = send(l->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (done < 0) {
      if (errno != EAGAIN) return drop(l);
      done = 0;
    }
  }
  if (done == length) return;
  l->out = realloc(l->out, l->out_length + length - done);
  memcpy(l->out + l->out_length, bytes + done, length - done);
  if (l->out_length == 0) watch(l, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
  l->out_length += length - (int)done;
}

static void flush_out(struct link *l) {
  ssize_t done = send(l->fd, l->out, l->out_length, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (done < 0) {
    if (errno != EAGAIN) drop(l);
    return;
  }
  memmove(l->out, l->out + done, l->out_length - done);
  l->out_length -= (int)done;
  if (l->out_length == 0) watch(l, EPOLLIN, EPOLL_CTL_MOD);
}

static void say(const char *format, int n, const char *why) {
  printf(format, n, why);
  fflush(stdout);
}

/* ── What arrives ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static void agent_message(struct link *l, int length, const char *data, const uint8_t *mask) {
  struct call *c = l->call;
  if (!c) {
    char *text = malloc(length + 1);
    for (int i = 0; i < length; i++) text[i] = (char)(data[i] ^ mask[i % 4]);
    text[length] = 0;
    char *at = strstr(text, "\"call_id\":\"");
    for (int i = 0; at && i < call_count; i++)
      if (calls[i] && !calls[i]->ended && strncmp(at + 11, calls[i]->id, strlen(calls[i]->id)) == 0) c = calls[i];
    free(text);
    if (!c) return drop(l);
    l->call = c, c->agent = l, c->ready_at = now_ms() + 50;
    return;
  }
  /* The first message of a frame's size is audio, and every audio message has that size. */
  if (l->audio_length == 0 && length > 230 && length < 260 && c->started) l->audio_length = length;
  if (length != l->audio_length) return;
  double now = now_ms();
  if (measuring && ups < MAX_SAMPLES) up[ups++] = (float)(now - c->sent_at[c->arrived % RING]);
  c->arrived++;
  if (c->arrived % GROUP == 0 && c->arrived / GROUP % CYCLE < CYCLE - PAUSE) {
    c->group_at[c->groups++ % RING] = now;
    put(l, echo, echo_length);
  }
}

static void phone_message(struct link *l, int length, const char *data) {
  struct call *c = l->call;
  if (length < 200 || length >= 1 << 16) return;
  if (payload_bytes[length] == 0) {
    const char *at = memmem(data, length, "\"payload\":\"", 11);
    if (!at) return;
    const char *end = memchr(at + 11, '"', data + length - at - 11);
    if (!end) return;
    int chars = (int)(end - at - 11);
    payload_bytes[length] = chars / 4 * 3 - (end[-1] == '=') - (end[-2] == '=');
  }
  double now = now_ms();
  int bytes = payload_bytes[length];
  /* The carrier plays what it gets, one behind the other, from its arrival on at the earliest. */
  if (c->play_end < now) c->play_end = now;
  c->heard_bytes += bytes;
  c->play_end += bytes / 8.0;
  while (c->groups_heard < c->heard_bytes / (GROUP * FRAME_BYTES)) {
    double from = c->group_at[c->groups_heard++ % RING];
    double after = (c->heard_bytes - c->groups_heard * GROUP * FRAME_BYTES) / 8.0;
    if (measuring && downs < MAX_SAMPLES) down[downs++] = (float)(now - from);
    if (measuring && heards < MAX_SAMPLES) heard[heards++] = (float)(c->play_end - after - GROUP * FRAME_MS - from);
  }
}

/* Whoever hears a call reads on, and answers pings; whoever watches only reads. */
static void joined(struct link *l) {
  l->in[l->held < HELD ? l->held : HELD - 1] = 0;
  char *end = strstr(l->in, "\r\n\r\n");
  if (!end) return;
  if (strncmp(l->in, l->kind == EAR ? "HTTP/1.1 101" : "HTTP/1.1 200", 12) != 0) {
    say("failed %d the server answered %.12s\n", l->n, l->in);
    return drop(l);
  }
  say("ready %d%s\n", l->n, "");
  int used = (int)(end + 4 - l->in);
  memmove(l->in, l->in + used, l->held - used);
  l->held -= used;
  l->upgraded = 1;
}

static void upgrade(struct link *l) {
  if (l->kind == EAR || l->kind == EYE) return joined(l);
  char *end = memmem(l->in, l->held, "\r\n\r\n", 4);
  if (!end) return;
  *end = 0;
  if (l->kind == AGENT) {
    char *key = strcasestr(l->in, "\r\nsec-websocket-key:");
    char text[128] = "", accepted[64], answer[512];
    uint8_t hash[20];
    if (!key || sscanf(key + 20, " %63s", text) != 1) return drop(l);
    strcat(text, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    sha1(text, hash);
    base64(hash, 20, accepted);
    int length = sprintf(answer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", accepted);
    length += text_frame(answer + length, "{\"type\":\"conversation_initiation_metadata\",\"conversation_initiation_metadata_event\":{\"conversation_id\":\"conv_bench\",\"agent_output_audio_format\":\"ulaw_8000\",\"user_input_audio_format\":\"ulaw_8000\"}}", 0);
    put(l, answer, length);
  } else {
    if (!strstr(l->in, " 101 ")) {
      say("failed %d the bridge answered %.20s\n", l->call->n, l->in);
      l->call->ended = 1;
      return drop(l);
    }
    char out[4096];
    int length = text_frame(out, "{\"event\":\"connected\",\"protocol\":\"Call\",\"version\":\"1.0.0\"}", 1);
    length += text_frame(out + length, l->call->start_text, 1);
    put(l, out, length);
  }
  if (l->gone) return;
  int used = (int)(end + 4 - l->in);
  memmove(l->in, l->in + used, l->held - used);
  l->held -= used;
  l->upgraded = 1;
}

static void receive(struct link *l) {
  ssize_t got = recv(l->fd, l->in + l->held, HELD - l->held, MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return drop(l);
  l->held += (int)got;
  if (!l->upgraded) upgrade(l);
  if (l->gone || !l->upgraded) return;
  if (l->kind == EYE) l->held = 0;
  int at = 0;
  while (!l->gone && l->held - at >= 2) {
    const uint8_t *p = (uint8_t *)l->in + at;
    uint64_t length = p[1] & 0x7f;
    int head = 2 + (p[1] & 0x80 ? 4 : 0) + (length == 126 ? 2 : length == 127 ? 8 : 0);
    if (l->held - at < head) break;
    if (length == 126) length = p[2] << 8 | p[3];
    else if (length == 127) length = (uint64_t)p[6] << 24 | p[7] << 16 | p[8] << 8 | p[9];
    if ((uint64_t)(l->held - at - head) < length) break;
    int opcode = p[0] & 15;
    if (opcode == 8) return drop(l);
    if (opcode == 9) put(l, "\x8a\x80\0\0\0\0", 6);
    else if (l->kind == EAR) heard_by_ears += length;
    else if (opcode == 1 && l->kind == AGENT) agent_message(l, (int)length, (const char *)p + head, p + head - 4);
    else if (opcode == 1) phone_message(l, (int)length, (const char *)p + head);
    at += head + (int)length;
  }
  if (l->gone) return;
  memmove(l->in, l->in + at, l->held - at);
  l->held -= at;
}

/* ── Commands ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void open_call(const char *line) {
  int n, port;
  char path[256], signature[128], id[64], token[128], sid[64], stream[64], text[2048];
  if (sscanf(line, "open %d %d %255s %127s %63s %127s %63s %63s", &n, &port, path, signature, id, token, sid, stream) != 8)
    die("open");
  struct call *c = calloc(1, sizeof *c);
  c->n = n;
  strcpy(c->id, id), strcpy(c->stream, stream);
  sprintf(text, "{\"event\":\"start\",\"sequenceNumber\":\"1\",\"start\":{\"accountSid\":\"AC\",\"streamSid\":\"%s\",\"callSid\":\"%s\",\"tracks\":[\"inbound\"],\"mediaFormat\":{\"encoding\":\"audio/x-mulaw\",\"sampleRate\":8000,\"channels\":1},\"customParameters\":{\"callId\":\"%s\",\"token\":\"%s\"}},\"streamSid\":\"%s\"}", stream, sid, id, token, stream);
  c->start_text = strdup(text);
  /* Chunk and timestamp keep their width, so that one frame serves the whole call; a bridge need not look at them. */
  sprintf(text, "{\"event\":\"media\",\"sequenceNumber\":\"100000\",\"media\":{\"track\":\"inbound\",\"chunk\":\"1\",\"timestamp\":\"100000\",\"payload\":\"%s\"},\"streamSid\":\"%s\"}", payload, stream);
  c->frame_length = text_frame(c->frame, text, 1);
  int at = 0;
  while (at < call_count && calls[at]) at++;
  if (at == MAX_CALLS) die("too many calls");
  if (at == call_count) call_count++;
  calls[at] = c;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
    say("failed %d %s\n", n, strerror(errno));
    c->ended = 1;
    close(fd);
    return;
  }
  c->phone = new_link(PHONE, fd, EPOLLIN);
  c->phone->call = c;
  int length = sprintf(text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s%s\r\n", path, port,
                       *signature == '-' ? "" : "X-Twilio-Signature: ", *signature == '-' ? "" : signature, *signature == '-' ? "" : "\r\n");
  put(c->phone, text, length);
}

static struct link *joiners[4096];
static int joiner_count;
static void leave(void) {
  for (int i = 0; i < joiner_count; i++) drop(joiners[i]);
  joiner_count = 0;
}

static void join(const char *line) {
  int n, port;
  char path[256], key[128], text[1024];
  if (sscanf(line, "join %d %d %255s %127s", &n, &port, path, key) != 4) die("join");
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) die("connect");
  int hears = strstr(path, "/listen") != NULL;
  struct link *l = new_link(hears ? EAR : EYE, fd, EPOLLIN);
  l->n = n;
  if (joiner_count < 4096) joiners[joiner_count++] = l;
  int length = sprintf(text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n%s\r\n", path, port, key,
                       hears ? "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" : "");
  put(l, text, length);
}

static void each_reset(void) {
  heard_by_ears = 0;
  ups = downs = heards = late = 0;
  measuring = 1;
  for (int i = 0; i < call_count; i++)
    if (calls[i]) calls[i]->base_sent = calls[i]->sent, calls[i]->base_groups = calls[i]->groups;
}

static int by_value(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static void print_shares(float *values, int count) {
  static const double shares[] = {0.5, 0.99, 0.999};
  qsort(values, count, sizeof *values, by_value);
  for (int i = 0; i < 3; i++) printf(" %.3f", count == 0 ? -1.0 : values[(int)((count - 1) * shares[i])]);
}

/* calls, frames, lost up, lost down, late ticks, then p50 p99 p99.9 of up, down, heard (ms), then KB that listeners heard. */
static void figures(void) {
  long frames = 0, lost_up = 0, lost_down = 0;
  int alive = 0;
  measuring = 0;
  for (int i = 0; i < call_count; i++) {
    struct call *c = calls[i];
    if (!c || c->ended || !c->phone || !c->agent) continue;
    alive++;
    frames += c->sent - c->base_sent;
    /* What is under way is not lost: half a second of it is allowed for. */
    if (c->sent - c->arrived > 25) lost_up += c->sent - c->arrived - 25;
    if (c->groups - c->groups_heard > 5) lost_down += c->groups - c->groups_heard - 5;
  }
  printf("figures %d %ld %ld %ld %d", alive, frames, lost_up, lost_down, late);
  print_shares(up, ups), print_shares(down, downs), print_shares(heard, heards);
  printf(" %ld\n", heard_by_ears / 1024);
  fflush(stdout);
}

static double closing_at;
static void close_calls(void) {
  char text[256], out[512];
  for (int i = 0; i < call_count; i++) {
    struct call *c = calls[i];
    if (!c) continue;
    c->started = 0, c->ended = 1;
    sprintf(text, "{\"event\":\"stop\",\"streamSid\":\"%s\"}", c->stream);
    put(c->phone, out, text_frame(out, text, 1));
  }
  closing_at = now_ms() + 700;
}

static void close_for_good(void) {
  closing_at = 0;
  for (int i = 0; i < call_count; i++) {
    struct call *c = calls[i];
    if (!c || !c->ended) continue;
    if (c->phone) drop(c->phone);
    if (c->agent) drop(c->agent);
    free(c->start_text);
    free(c);
    calls[i] = NULL;
  }
  say("closed%.0d%s\n", 0, "");
}

static void command(const char *line) {
  if (strncmp(line, "open ", 5) == 0) open_call(line);
  else if (strncmp(line, "join ", 5) == 0) join(line);
  else if (strcmp(line, "leave") == 0) leave();
  else if (strncmp(line, "talk ", 5) == 0) talk_every = atoi(line + 5);
  else if (strcmp(line, "reset") == 0) each_reset();
  else if (strcmp(line, "figures") == 0) figures();
  else if (strcmp(line, "close") == 0) close_calls();
}

static void read_commands(void) {
  static char text[1 << 20];
  static int length;
  ssize_t got = read(0, text + length, sizeof text - length - 1);
  if (got <= 0) exit(0);
  length += (int)got;
  text[length] = 0;
  char *from = text, *end;
  while ((end = strchr(from, '\n'))) {
    *end = 0;
    command(from);
    from = end + 1;
  }
  length -= (int)(from - text);
  memmove(text, from, length);
}

/* What the platform heard, with the time at which it says so. */
static void tell_words(struct link *agent) {
  struct timespec t;
  char text[256], out[512];
  clock_gettime(CLOCK_REALTIME, &t);
  sprintf(text, "{\"type\":\"user_transcript\",\"user_transcription_event\":{\"user_transcript\":\"said at %.1f\",\"event_id\":2}}", t.tv_sec * 1e3 + t.tv_nsec / 1e6);
  put(agent, out, text_frame(out, text, 0));
}

/* Each call has its own phase within the 20 ms, as on real lines. */
static void tick(long beat) {
  double now = now_ms();
  for (int i = 0; i < call_count; i++) {
    struct call *c = calls[i];
    if (!c || c->ended) continue;
    /* A carrier sends no audio before its start message, however early the agent is there. */
    if (!c->started && c->agent && c->phone && c->phone->upgraded && c->ready_at <= now) {
      c->started = 1;
      say("ready %d%s\n", c->n, "");
    }
    if (!c->started || (beat + i) % FRAME_MS != 0 || !c->phone) continue;
    c->sent_at[c->sent++ % RING] = now_ms();
    put(c->phone, c->frame, c->frame_length);
    if (talk_every > 0 && c->agent && (beat / FRAME_MS + i * 13) % (talk_every / FRAME_MS) == 0) tell_words(c->agent);
  }
  if (closing_at != 0 && now >= closing_at) close_for_good();
}

int main(void) {
  uint8_t voice[GROUP * FRAME_BYTES];
  char text[4096], group[2048];
  for (size_t i = 0; i < sizeof voice; i++) voice[i] = i % 2 ? 0x20 : 0xa0;
  base64(voice, FRAME_BYTES, payload);
  base64(voice, sizeof voice, group);
  sprintf(text, "{\"type\":\"audio\",\"audio_event\":{\"audio_base_64\":\"%s\",\"event_id\":1}}", group);
  echo_length = text_frame(echo, text, 0);
  up = malloc(MAX_SAMPLES * sizeof *up), down = malloc(MAX_SAMPLES * sizeof *down), heard = malloc(MAX_SAMPLES * sizeof *heard);

  poller = epoll_create1(0);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof own;
  if (bind(listener, (struct sockaddr *)&own, sizeof own) < 0 || listen(listener, 1024) < 0) die("listen");
  getsockname(listener, (struct sockaddr *)&own, &size);
  new_link(LISTENER, listener, EPOLLIN);
  new_link(STDIN, 0, EPOLLIN);
  say("port %d%s\n", ntohs(own.sin_port), "");

  double start = now_ms();
  long beat = 0;
  struct epoll_event events[512];
  for (;;) {
    /* It never sleeps: whoever writes to a sleeper pays for waking it, and that would be charged to the bridge. */
    int count = epoll_wait(poller, events, 512, 0);
    for (int i = 0; i < count; i++) {
      struct link *l = events[i].data.ptr;
      if (l->gone) continue;
      if (l->kind == STDIN) read_commands();
      else if (l->kind == LISTENER) {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0) new_link(AGENT, fd, EPOLLIN);
      } else {
        if (events[i].events & EPOLLOUT) flush_out(l);
        if (!l->gone && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(l);
      }
    }
    double now = now_ms();
    if (now - start - beat > 10) late++;
    while (start + beat <= now) tick(beat++);
  }
}
