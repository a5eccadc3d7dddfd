/** dashboard/ui/brand: the mark and the name. */
export function Brand() {
  return (
    <span className="brand">
      <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
        <rect width="32" height="32" rx="8" fill="var(--brand)" />
        <path
          d="M7 17.5v-3M11.5 21v-10M16 24V8M20.5 19.5v-7M25 17.5v-3"
          stroke="#fff"
          strokeWidth="2.6"
          strokeLinecap="round"
        />
      </svg>
      Parley
    </span>
  );
}
