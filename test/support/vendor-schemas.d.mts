/** The parts of an OpenAPI document that the tests read. */
export type OpenApi = {
  components: { schemas: Record<string, { properties?: Record<string, unknown> }> };
  paths: Record<
    string,
    Record<string, { responses?: Record<string, { content?: Record<string, { schema: object }> }> }>
  >;
};
export declare const HOW_TO_INCLUDE: string;
export declare function twilioOpenApi(waitMs?: number): Promise<{ document: OpenApi } | { missing: string }>;
