/** test/support/knowledge: what comes with the product for the agent to look up. */
import { readFileSync } from 'node:fs';
import { readKnowledge } from '../../src/app/knowledge.ts';

export const agentsHouse = () => ({
  voiceAgentId: 'agent_of_the_tests',
  knowledge: readKnowledge((file) => readFileSync(file, 'utf8')),
});
